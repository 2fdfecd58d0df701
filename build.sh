#!/bin/sh
# Makes a component of a module: sh build.sh WORLD MODULE COMPONENT REQUIREMENTS SOURCE...
# Sources are this folder's files and folders that go into it. They are copied first: the compiler
# looks for interfaces in whatever lies beside them, and another build's environment may.
# A page among them, web/, goes in as the files that it is bundled into.
# What only a debugger of the interpreter would read is left out, which is half of what is made;
# tracebacks of Python need none of it.
set -eu
world=$1 module=$2 component=$3 requirements=$4
shift 4
copied=$(mktemp -d)
trap 'rm -rf "$copied"' EXIT
fail() {
	echo "$1 did not build $component. It must be the one of $requirements, in a virtual" \
		"environment that is activated: python3 -m venv .venv && . .venv/bin/activate &&" \
		"pip install -r $requirements" >&2
	exit 1
}
mkdir "$copied/sources"
cp -R "$@" "$copied/sources"
if [ -d "$copied/sources/web" ]; then
	sh "$(dirname "$0")/bundle.sh" "$copied/sources/web" "$copied/bundled" || fail Node
	rm -rf "$copied/sources/web"
	mv "$copied/bundled" "$copied/sources/web"
fi
(cd "$copied/sources" && componentize-py -w "$world" componentize "$module" -o ../whole.wasm) ||
	fail componentize-py
wasm-tools strip "$copied/whole.wasm" -o "$component" || fail wasm-tools

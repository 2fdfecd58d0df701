// The TypeScript SDK, 1.x and 2.x: makes the requests that standard input has, and prints the outcomes.
// It runs in the folder whose packages are meant.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const asked = JSON.parse(readFileSync(0, "utf8"));

async function connect() {
  const name = { name: "tests", version: "1" };
  const headers = { requestInit: { headers: { Authorization: `Bearer ${asked.token}` } } };
  const url = new URL(asked.url);
  if (asked.mode === "1.x") {
    const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport: Transport } = await load(
      "@modelcontextprotocol/sdk/client/streamableHttp.js",
    );
    const client = new Client(name);
    const transport = new Transport(url, headers);
    await client.connect(transport);
    return [client, transport.protocolVersion];
  }
  const { Client, StreamableHTTPClientTransport } = await load("@modelcontextprotocol/client");
  const mode = asked.mode.startsWith("2") ? { pin: asked.mode } : asked.mode;
  const client = new Client(name, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(url, headers));
  return [client, client.getNegotiatedProtocolVersion()];
}

const [client, version] = await connect();
const schemas = asked.mode === "1.x" ? await load("@modelcontextprotocol/sdk/types.js") : {};

async function ask({ method, params }) {
  const progress = [];
  const onprogress = ({ message }) => progress.push(message);
  const verbs = {
    "tools/list": () => client.listTools(params),
    "tools/call": () =>
      asked.mode === "1.x"
        ? client.callTool(params, schemas.CallToolResultSchema, { onprogress })
        : client.callTool(params, { onprogress }),
    "resources/list": () => client.listResources(params),
    "resources/templates/list": () => client.listResourceTemplates(params),
    "resources/read": () => client.readResource(params),
    "prompts/list": () => client.listPrompts(params),
    "prompts/get": () => client.getPrompt(params),
    "completion/complete": () => client.complete(params),
  };
  return { result: await verbs[method](), progress };
}

const outcomes = [];
for (const step of asked.steps) {
  try {
    outcomes.push(await ask(step));
  } catch (error) {
    outcomes.push({ error: { code: error.code, message: error.message } });
  }
}
await client.close();
console.log(JSON.stringify({ version, outcomes }));

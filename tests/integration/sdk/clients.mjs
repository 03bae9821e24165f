// Everybody's clients on every address of a gateway: the official SDK's of both
// generations, mcp-remote and MCP Inspector's command line.  Each lists and
// calls what a server over stdio and one over HTTP offer.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { Client as Client2, SSEClientTransport as Sse2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as Sse1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { folder, freePort, installed, modules, patience, startGateway, throughGateway, waitListed } from "./common.mjs";

// Both are server-everything.
const names = ["piped", "remote"];
// What a client of 2026-07-28 asks first of a server that it does not know.
const probe = {
	jsonrpc: "2.0", id: "probe", method: "server/discover",
	params: { _meta: {
		"io.modelcontextprotocol/protocolVersion": "2026-07-28",
		"io.modelcontextprotocol/clientInfo": { name: "probe", version: "1" },
		"io.modelcontextprotocol/clientCapabilities": {},
	} },
};
const me = { name: "clients", version: "1" };

let gateway;
let base;
/** The tools of the server itself. */
let tools;

before(async () => {
	const command = installed("mcp-server-everything");
	const port = await freePort();
	gateway = await startGateway({
		piped: { command },
		remote: {
			type: "http", url: `http://127.0.0.1:${port}/mcp`,
			command, args: ["streamableHttp"], env: { PORT: `${port}` },
		},
	});
	base = new URL(gateway.url).origin;
	const client = await throughGateway(gateway.url);
	await waitListed(client, ...names.map((name) => `${name}/`));
	await client.close();
	const alone = await throughGateway(`${base}/servers/piped/sse`);
	tools = (await alone.listTools()).tools.map(({ name }) => name);
	assert.ok(tools.includes("echo") && tools.length > 10);
	await alone.close();
});

after(async () => {
	await gateway?.stop();
});

/** Every address, and how the servers' own names are spelled there. */
const addresses = [
	{ path: "/sse", servers: names, spell: (server, name) => `${server}/${name}` },
	{ path: "/mcp", servers: names, spell: (server, name) => `${server}__${name}` },
	...names.flatMap((server) => ["sse", "mcp"].map((end) => ({
		path: `/servers/${server}/${end}`, servers: [server],
		spell: (_, name) => name,
	}))),
];

/** What every client of a library does with what it is connected to. */
async function listAndCall(client, { path, servers, spell }, call1 = [undefined])
{
	const { tools: listed } = await client.listTools();
	assert.deepEqual(listed.map(({ name }) => name), servers.flatMap((server) =>
		tools.map((name) => spell(server, name))), path);
	const { prompts } = await client.listPrompts();
	const { resources } = await client.listResources();
	assert.ok(resources.length > 0 && prompts.length > 0);
	for (const server of servers) {
		const call = (name, args, options) => client.callTool(
			{ name: spell(server, name), arguments: args }, ...call1, options);
		const said = await call("echo", { message: `${path} 中文 🎵` });
		assert.equal(said.content[0].text, `Echo: ${path} 中文 🎵`);
		const weather = await call("get-structured-content",
			{ location: "Chicago" });
		assert.equal(typeof weather.structuredContent.temperature, "number");
		const wrong = await call("get-sum", { a: "one" });
		assert.ok(wrong.isError);
		const steps = [];
		await call("trigger-long-running-operation", { duration: 0.2, steps: 2 },
			{ onprogress: ({ progress }) => steps.push(progress) });
		assert.equal(steps[0], 1, path);
		const got = await client.getPrompt({ name: spell(server, "simple-prompt") });
		assert.equal(got.messages.length, 1);
	}
	const { contents } = await client.readResource({ uri: resources[0].uri });
	assert.ok(contents[0].text.length > 0);
	await assert.rejects(client.callTool({ name: "no such tool" }),
		({ code }) => code === -32602);
	await client.ping();
}

/** Connect, use, close; nothing may have gone wrong beside. */
async function visit(client, transport, address, ...more)
{
	const errors = [];
	client.onerror = (error) => errors.push(error);
	await client.connect(transport, { timeout: 20000 * patience });
	try {
		await listAndCall(client, address, ...more);
		await transport.terminateSession?.();
	} finally {
		await client.close();
	}
	// When progress and the result come together the SDK sometimes forgets
	// the former's handler before it looks at it.
	assert.deepEqual(errors.filter(({ name, message }) =>
		!/progress notification for an unknown token/.test(message) &&
		name !== "AbortError" && !/AbortError/.test(message)), []);
}

for (const address of addresses) {
	const { path } = address;
	const url = () => new URL(base + path);

	test(`SDK 1: ${path}`, () => visit(
		new Client1(me, { capabilities: {} }),
		new (path.endsWith("/mcp") ? Http1 : Sse1)(url()), address));

	for (const mode of ["legacy", "auto"]) {
		test(`SDK 2, ${mode}: ${path}`, async () => {
			const client = new Client2(me, {
				capabilities: {}, versionNegotiation: { mode },
			});
			await visit(client, new (path.endsWith("/mcp") ? Http2 : Sse2)(url()),
				address, []);
		});
	}
}

test("a server that is probed for 2026-07-28 is found to be older", async () => {
	const headers = {
		"content-type": "application/json",
		accept: "application/json, text/event-stream",
		"mcp-protocol-version": "2026-07-28", "mcp-method": "server/discover",
	};
	for (const path of ["/mcp", "/servers/piped/mcp"]) {
		const answer = await fetch(base + path,
			{ method: "POST", headers, body: JSON.stringify(probe) });
		assert.equal(answer.status, 400);
		assert.match(answer.headers.get("content-type"), /^application\/json/);
		const { jsonrpc, error } = await answer.json();
		assert.equal(jsonrpc, "2.0");
		// Not one of the codes that only servers of that revision use.
		assert.equal(error.code, -32000);
		assert.match(error.message, /Unsupported protocol version.*2025-11-25/);
		// Without the header it is a request outside of a session.
		const { "mcp-protocol-version": _, ...older } = headers;
		const bare = await fetch(base + path,
			{ method: "POST", headers: older, body: JSON.stringify(probe) });
		assert.equal(bare.status, 400);
		assert.equal((await bare.json()).error.code, -32000);
	}
	for (const path of ["/sse", "/servers/piped/sse"]) {
		const answer = await fetch(base + path,
			{ method: "POST", headers, body: JSON.stringify(probe) });
		assert.equal(answer.status, 405);
		await answer.text();
	}
});

// Programs, each of which takes half a second to start.
const some = ["/mcp", "/sse", "/servers/piped/mcp", "/servers/remote/sse"]
	.map((path) => addresses.find((address) => address.path === path));

for (const address of some) {
	test(`mcp-remote: ${address.path}`, async () => {
		const strategy = address.path.endsWith("/sse") ? "sse-only" : "http-only";
		await visit(new Client1(me, { capabilities: {} }),
			new StdioClientTransport({
				command: process.execPath,
				args: [join(modules, "mcp-remote/dist/proxy.js"),
					base + address.path, "--transport", strategy],
				env: { ...process.env, MCP_REMOTE_CONFIG_DIR: join(folder, "remote") },
				stderr: "ignore",
			}), address);
	});
}

/** MCP Inspector's command line; the result that it printed. */
async function inspect(path, method, ...more)
{
	const { bin } = JSON.parse(readFileSync(join(modules,
		"@modelcontextprotocol/inspector/package.json"), "utf8"));
	const { stdout } = await promisify(execFile)(process.execPath, [
		join(modules, "@modelcontextprotocol/inspector", bin["mcp-inspector"]),
		"--cli", base + path, "--transport", path.endsWith("/sse") ? "sse" : "http",
		"--method", method, "--format", "json", "--stored-auth-only", ...more,
	], {
		timeout: 20000 * patience,
		env: { ...process.env, HOME: folder,
			MCP_CATALOG_PATH: join(folder, "inspector.json") },
	});
	return JSON.parse(stdout).result;
}

for (const { path, servers, spell } of some) {
	test(`MCP Inspector: ${path}`, async () => {
		const { tools: listed } = await inspect(path, "tools/list",
			"--protocol-era", "auto");
		assert.deepEqual(listed.map(({ name }) => name), servers.flatMap(
			(server) => tools.map((name) => spell(server, name))));
		for (const server of servers) {
			const { content } = await inspect(path, "tools/call", "--tool-name",
				spell(server, "echo"), "--tool-arg", "message=inspected");
			assert.equal(content[0].text, "Echo: inspected");
		}
	});
}

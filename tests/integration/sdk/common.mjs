// A gateway for the tests of this folder, the SDK's client on it, and the same
// client on a server directly, to compare what both say.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

// Servers are started by the node that runs this.
process.env.PATH = dirname(process.execPath) + delimiter + process.env.PATH;
const here = dirname(fileURLToPath(import.meta.url));
export const source = join(here, "../../..");
const build = process.env.MCPGW_BUILD ?? join(source, "build-dev");
export const patience = Number(process.env.MCPGW_TEST_PATIENCE ?? 1);
export const program = (name) => join(build, name);
export let modules = join(here, "../node_modules");
export let node = process.execPath;
export const installed = (name) => join(modules, ".bin", name);
export const folder = mkdtempSync(join(tmpdir(), "mcpgw-sdk-"));
chmodSync(folder, 0o755);

// What the gateway declares to backends that all clients share: servers offer
// more tools to clients that can be asked.
const capabilities = {
	elicitation: { form: {}, url: {} },
	sampling: { tools: {}, context: {} },
};
// What the SDK's client must not wait for longer.
const options = { timeout: 20000 * patience, resetTimeoutOnProgress: true };
// What all tests together must not take longer; ctest's limit is above it, but
// does not say what was waited for.
const limit = 240000;
let doing = "nothing yet";

/** Whether every user may read it, or run it. */
export function isOpen(path)
{
	path = realpathSync(path);
	for (; path !== "/"; path = dirname(path))
		if ((statSync(path).mode & 1) === 0)
			return false;
	return true;
}

/** What is at path, or a copy of it, where every user may read it. */
function opened(path)
{
	if (isOpen(path))
		return path;
	const real = realpathSync(path);
	// Not above the jobs' folders, where npx would find it.
	const open = join(folder, "open");
	const copy = join(open, basename(real));
	mkdirSync(open, { recursive: true });
	try {
		execFileSync("cp", ["-al", real, copy], { stdio: "ignore" });
	} catch { // it is on another file system
		execFileSync("cp", ["-a", real, open]);
	}
	execFileSync("chmod", ["-R", "a+rX", copy]);
	return copy;
}

/** From now on servers, and their node, are where every user may run them. */
export function openToAll()
{
	modules = opened(modules);
	node = opened(node);
	process.env.PATH = dirname(node) + delimiter + process.env.PATH;
}

/** A port that nobody listens on. */
export async function freePort()
{
	const server = createServer();
	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address();
	await new Promise((resolve) => server.close(resolve));
	return port;
}

// They are installed, and write, where other users may not reach.
const jobsAsRoot = process.getuid() === 0 ? { job_user: "root" } : {};

/** Start a gateway with these backends; {url, pid, stop, log}. */
export async function startGateway(backends, gateway = jobsAsRoot,
	daemon = program("mcp-gatewayd"))
{
	const config = join(folder, "config.json");
	writeFileSync(config, JSON.stringify({ gateway, mcpServers: backends }));
	const console = join(folder, "console.txt");
	const out = openSync(console, "w");
	const child = spawn(daemon,
		["--config", config, "--host", "127.0.0.1", "--port", "0"],
		{ cwd: folder, stdio: ["ignore", out, out] });
	const ended = new Promise((resolve) => child.on("exit",
		(code, signal) => resolve(code ?? signal)));
	const log = () => readdirSync(join(folder, "logs")).map((name) =>
		readFileSync(join(folder, "logs", name), "utf8")).join("");
	setTimeout(() => {
		child.kill("SIGTERM");
		process.stderr.write(`still at ${doing} after ${limit} ms\n${log()}`);
		process.exit(1);
	}, limit).unref();
	let url;
	for (let i = 0; i < 1000 && !url; i++) {
		await sleep(10);
		url = readFileSync(console, "utf8")
			.match(/http:\/\/127\.0\.0\.1:[1-9]\d*\/sse/)?.[0];
		assert.equal(child.exitCode, null, readFileSync(console, "utf8"));
	}
	assert.ok(url, `no address: ${readFileSync(console, "utf8")}`);
	return {
		url, log, pid: child.pid,
		/** End it; the exit status must be 0 and come in time. */
		async stop()
		{
			child.kill("SIGTERM");
			const status = await Promise.race([ended,
				sleep(15000 * patience, "still there", { ref: false })]);
			child.kill("SIGKILL");
			assert.equal(status, 0, log());
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

async function connect(transport)
{
	const client = new Client({ name: "sdk-test", version: "1" },
		{ capabilities });
	client.errors = [];
	client.onerror = (error) => client.errors.push(error);
	await client.connect(transport, options);
	return client;
}

/** The SDK's client on the gateway. */
export const throughGateway = (url) =>
	connect(new SSEClientTransport(new URL(url)));

/** The SDK's client on a server of its own. */
export const directly = (entry) => connect(new StdioClientTransport({
	command: entry.command, args: entry.args, stderr: "ignore",
	env: { ...process.env, ...entry.env }, cwd: folder,
}));

/** The SDK's client on a server with an address. */
export const directlyByUrl = (url) => connect(url.endsWith("/sse")
	? new SSEClientTransport(new URL(url))
	: new StreamableHTTPClientTransport(new URL(url)));

/** A list as the gateway shows it: it has no tasks, so no tool needs one. */
const withoutTasks = (items) => items.map(({ execution, ...item }) => item);

const lists = {
	tools: "listTools", resources: "listResources",
	resourceTemplates: "listResourceTemplates", prompts: "listPrompts",
};

/** All items of a kind, all pages; none where the server has no such list. */
export async function all(client, kind)
{
	const items = [];
	let cursor;
	do {
		let page;
		try {
			page = await client[lists[kind]](
				cursor === undefined ? {} : { cursor }, options);
		} catch (error) {
			if (error.code === -32601)
				return [];
			throw error;
		}
		items.push(...page[kind]);
		cursor = page.nextCursor;
	} while (cursor !== undefined);
	return items;
}

/** Wait until a tool whose name begins so is listed. */
export async function waitListed(client, ...prefixes)
{
	for (let i = 0; i < 300 * patience; i++) {
		const names = (await all(client, "tools")).map((tool) => tool.name);
		if (prefixes.every((prefix) =>
			names.some((name) => name.startsWith(prefix))))
			return;
		await sleep(100);
	}
	assert.fail(`not listed: ${prefixes}`);
}

/** The outcome of a request, an error too, as something to compare. */
export async function outcome(promise)
{
	try {
		return { result: await promise };
	} catch (error) {
		assert.equal(typeof error.code, "number", error);
		return { code: error.code, message: error.message, data: error.data };
	}
}

/** One server through the gateway, and itself. */
export class Pair {
	constructor(name, gateway, direct)
	{
		this.name = name;
		this.gateway = gateway;
		this.direct = direct;
	}

	/** Lists are equal but for the names of tools and prompts. */
	async assertEqualLists(uriStart, kinds = Object.keys(lists))
	{
		for (const kind of kinds) {
			const named = kind === "tools" || kind === "prompts";
			const ours = (await all(this.gateway, kind)).filter((item) =>
				named ? item.name.startsWith(`${this.name}/`)
					: uriStart !== undefined &&
						(item.uri ?? item.uriTemplate).startsWith(uriStart));
			const theirs = withoutTasks(await all(this.direct, kind));
			assert.deepEqual(ours.map((item) => named ? {
				...item, name: item.name.slice(this.name.length + 1),
			} : item), theirs, kind);
		}
		assert.ok((await all(this.direct, "tools")).length > 0);
	}

	/** What a server says about its resources, where others have such URIs too. */
	#ownUris(said)
	{
		return JSON.parse(JSON.stringify(said)
			.replaceAll(`"uri":"${this.name}+`, '"uri":"'));
	}

	/** One call on both sides, in this order; before() sets the stage. */
	async call(tool, args = {}, { clean = (x) => x, before = () => {},
		more = {} } = {})
	{
		const seen = [];
		for (const [client, name] of [
			[this.direct, tool], [this.gateway, `${this.name}/${tool}`]]) {
			await before();
			doing = `${name} ${JSON.stringify(args)}`;
			seen.push(clean(await outcome(client.callTool(
				{ name, arguments: args }, undefined,
				{ ...options, ...more }))));
		}
		assert.deepEqual(this.#ownUris(seen[1]), seen[0],
			`${tool} ${JSON.stringify(args)}`);
		return seen[1].result;
	}

	/** Any other request on both sides. */
	async same(request, clean = (x) => x)
	{
		doing = `${this.name}: ${request}`;
		const theirs = clean(await outcome(request(this.direct, (name) => name)));
		const ours = clean(await outcome(request(this.gateway,
			(name) => `${this.name}/${name}`)));
		assert.deepEqual(ours, theirs);
		return ours.result;
	}
}

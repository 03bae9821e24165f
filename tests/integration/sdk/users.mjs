// The same real servers, each as a user of its own: how a gateway that root
// started runs programs that the configuration names no user for.  It is the
// one that was just built, but in a folder that only root may enter, as a clone
// in /root is.
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";

import { Pair, directly, directlyByUrl, folder, freePort, installed, isOpen, modules, node, openToAll, program, startGateway, throughGateway, waitListed } from "./common.mjs";
import { chromium, compareAnswers, directEntry, files, makeFolder, realServers } from "./real.mjs";

if (process.getuid() !== 0) {
	console.log("skipped: only root can give jobs users of their own");
	rmSync(folder, { recursive: true });
	process.exit(0);
}

const closed = join(folder, "closed");
const state = join(folder, "state");
const box = join(folder, "box");
const outside = join(folder, "outside");
const thinking = "@modelcontextprotocol/server-sequential-thinking";
const npx = process.env.PATH.split(":").map((path) => join(path, "npx"))
	.find((path) => existsSync(path));

/** This build's programs where only root may go. */
function makeClosedCopy()
{
	mkdirSync(join(closed, "build"), { recursive: true });
	chmodSync(closed, 0o700);
	for (const name of ["mcp-gatewayd", "mcp-gateway-front",
		"mcp-gateway-worker", "mcp-gateway-worker-http",
		"mcp-gateway-reaper", "mcp-server-bash", "mcp-server-example"])
		copyFileSync(program(name), join(closed, "build", name));
	return join(closed, "build", "mcp-gatewayd");
}

/** Start a small HTTP server on the loopback; {url, requests, close}. */
async function startPage(text)
{
	let requests = 0;
	const page = createServer((request, response) => {
		requests++;
		response.end(text);
	});
	await new Promise((resolve) => page.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${page.address().port}/`,
		requests: () => requests,
		close: () => page.close(),
	};
}

/** Why a package cannot be had from npm's registry; false when it can. */
async function noRegistry()
{
	if (npx === undefined || !isOpen(npx))
		return "no npx that every user may run";
	try {
		const { ok, status } = await fetch(`${registry}${thinking}`,
			{ method: "HEAD", signal: AbortSignal.timeout(5000) });
		return ok ? false : `${registry} answers ${status}`;
	} catch (error) {
		return `${registry} cannot be reached: ${error.cause ?? error}`;
	}
}

/** What /proc says of a process; null when it is gone. */
function look(pid)
{
	try {
		const status = Object.fromEntries(
			readFileSync(`/proc/${pid}/status`, "utf8").split("\n")
				.map((line) => line.split(/:\s*/, 2)));
		return {
			pid, status, parent: Number(status.PPid),
			command: readFileSync(`/proc/${pid}/cmdline`, "utf8")
				.replaceAll("\0", " ").trim(),
			namespace: readlinkSync(`/proc/${pid}/ns/user`),
		};
	} catch {
		return null;
	}
}

/** All processes of each job, by the backend's name. */
function jobs()
{
	const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
		.map((name) => look(Number(name))).filter(Boolean);
	const below = (pid) => all.filter(({ parent }) => parent === pid)
		.flatMap((one) => [one, ...below(one.pid)]);
	return Object.fromEntries(all
		.filter(({ parent, command }) => parent === gateway.pid &&
			command.startsWith("mcp-gateway-reaper: "))
		.map(({ pid, command }) => [command.split(": ")[1], below(pid)]));
}

const registry = process.env.npm_config_registry ?? "https://registry.npmjs.org/";
const entries = {};
const pairs = {};
const seen = { pairs };
let gateway;
let client;
let npmIsAway;

/** As anybody would write them, but for what a direct run must have too. */
async function makeEntries()
{
	const { bash, example, memory, playwright, ...others } = realServers();
	const everything = others.everything.command;
	const port = await freePort();
	// What every program needs is there, but not what is in odd places.
	const sandbox = { read: [modules, dirname(node)] };

	Object.assign(entries, others, {
		memory: { ...memory, env: {
			MEMORY_FILE_PATH: join(state, "memory", "memory.jsonl"),
		} },
		// Chromium's own sandbox works here, which it does not for root.
		playwright: { ...playwright, cwd: folder,
			args: playwright.args.filter((arg) => arg !== "--no-sandbox") },
		bash: { ...bash, command: "mcp-server-bash" },
		example: { ...example, command: "mcp-server-example" },
		http: {
			type: "http", url: `http://127.0.0.1:${port}/mcp`,
			command: everything, args: ["streamableHttp"],
			env: { PORT: `${port}` },
		},
		boxed: {
			command: installed("mcp-server-filesystem"), args: [box, outside],
			sandbox: { ...sandbox, write: [box] },
		},
		"boxed-bash": { command: "mcp-server-bash", sandbox: {} },
		unconnected: { command: everything, sandbox: { ...sandbox, connect: [] } },
		alone: { command: everything, sandbox: { ...sandbox, network: "none" } },
	});
	if (npx !== undefined && isOpen(npx))
		entries["npx-here"] = {
			command: "npx", args: ["--offline", "mcp-server-sequential-thinking"],
			cwd: dirname(modules),
		};
	if ((npmIsAway = await noRegistry()) === false)
		entries.npx = {
			command: "npx", args: ["-y", `${thinking}@${version()}`],
			env: { npm_config_registry: registry }, startup_timeout: 120,
		};
}

/** The one that is installed, and so pinned. */
function version()
{
	return JSON.parse(readFileSync(join(modules, thinking, "package.json"),
		"utf8")).version;
}

before(async () => {
	openToAll();
	for (const path of [files, box, join(folder, "playwright")])
		makeFolder(path);
	mkdirSync(outside);
	writeFileSync(join(outside, "secret"), "secret");
	await makeEntries();
	gateway = await startGateway(entries, { state_dir: state },
		makeClosedCopy());
	seen.client = client = await throughGateway(gateway.url);
	await waitListed(client, ...Object.keys(entries)
		.filter((name) => name !== "npx").map((name) => `${name}/`));
	for (const [name, entry] of Object.entries(realServers()))
		pairs[name] = new Pair(name, client,
			await directly(directEntry(name, entry)));
	pairs.http = new Pair("http", client, await directlyByUrl(entries.http.url));
});

after(async () => {
	for (const pair of Object.values(pairs))
		await pair.direct.close();
	await client?.close();
	await gateway?.stop();
});

compareAnswers(seen, (name) => /^(XDG|SUDO|SSH)_/.test(name) || ["HOME",
	"LOGNAME", "MAIL", "OLDPWD", "PWD", "SHELL", "TEMP", "TMP", "TMPDIR",
	"USER"].includes(name));

const call = (name, args = {}) => client.callTool({ name, arguments: args });
const textOf = (result) => result.content.map((part) => part.text).join("\n");

test("http: a server with a port, started here", async () => {
	const pair = pairs.http;

	await pair.assertEqualLists(undefined, ["tools", "prompts"]);
	await pair.call("echo", { message: "Grüße, 世界 🎵" });
	await pair.call("get-structured-content", { location: "Chicago" });
	const wrong = await pair.call("get-sum", { a: "one" });
	assert.ok(wrong.isError);
});

test("every job is a user of its own without any privileges", async () => {
	await call("playwright/browser_navigate", { url: "about:blank" });
	const found = jobs();
	const ours = readlinkSync("/proc/self/ns/user");
	const users = new Map();

	assert.deepEqual(Object.keys(found).sort(), Object.keys(entries).sort());
	for (const [name, processes] of Object.entries(found)) {
		assert.ok(processes.length > 0, name);
		const uid = statSync(join(state, name)).uid;
		for (const { status, command, namespace } of processes) {
			const about = `${name}: ${command}`;
			assert.equal(status.Uid, Array(4).fill(uid).join("\t"), about);
			assert.equal(status.Gid, status.Uid, about);
			assert.equal(status.Groups, "", about);
			assert.equal(status.NoNewPrivs, "1", about);
			assert.equal(status.Seccomp, "2", about);
			// Chromium makes namespaces, in which it is not who it is here.
			if (namespace === ours)
				for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"])
					assert.match(status[`Cap${set}`], /^0+$/, about);
		}
		assert.ok(60578 <= uid && uid <= 61183, `${name}: ${uid}`);
		assert.equal(users.get(uid), undefined, `${name} is ${users.get(uid)}`);
		users.set(uid, name);
	}
	await call("playwright/browser_close");
});

test("playwright: its browser's own sandbox is on",
	{ skip: existsSync(chromium) ? false : `no ${chromium}` }, async () => {
		await call("playwright/browser_navigate", { url: "about:blank" });
		const renderers = jobs().playwright.filter(({ command }) =>
			command.includes("--type=renderer"));
		assert.ok(renderers.length > 0);
		for (const { namespace, status, command } of renderers) {
			assert.ok(!command.includes("--no-sandbox"));
			assert.notEqual(namespace, readlinkSync("/proc/self/ns/user"));
			assert.equal(status.Seccomp_filters, "2");
		}
		await call("playwright/browser_close");
	});

test("a server of the gateway's own runs where its user may not go, and no " +
	"way into there is left to it", async () => {
	const [{ pid }] = jobs().bash;
	const open = readdirSync(`/proc/${pid}/fd`).map((fd) =>
		readlinkSync(`/proc/${pid}/fd/${fd}`));
	assert.deepEqual(open.filter((path) => path.startsWith("/")), []);
	assert.equal(readFileSync(`/proc/${pid}/comm`, "utf8"), "mcp-server-bash\n");

	const said = textOf(await call("bash/bash",
		{ command: `pwd; cd ${closed}/build; echo $?; cat ${closed}/build/*` }));
	assert.ok(said.includes(`${join(state, "bash")}\n`), said);
	assert.match(said, /cd: .*: Permission denied/);
	assert.match(said, /cat: .*: Permission denied/);
});

test("npx runs what is installed in its folder", {
	skip: npx === undefined ? "no npx" : false,
}, async (t) => {
	if (entries["npx-here"] === undefined)
		return t.skip("no npx that every user may run");
	const said = await call("npx-here/sequentialthinking", {
		thought: "x", nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1,
	});
	assert.ok(!said.isError, textOf(said));
	assert.ok(existsSync(join(state, "npx-here", ".npm")));
});

test("npx installs a package into its home folder", async (t) => {
	if (npmIsAway)
		return t.skip(npmIsAway);
	await waitListed(client, "npx/");
	const said = await call("npx/sequentialthinking", {
		thought: "x", nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1,
	});
	assert.ok(!said.isError, textOf(said));
	const cache = statSync(join(state, "npx", ".npm", "_npx"));
	assert.equal(cache.uid, statSync(join(state, "npx")).uid);
});

test("boxed: files that the sandbox lists, and no others", async (t) => {
	if (/no Landlock/.test(gateway.log()))
		return t.skip("this kernel has no Landlock");
	const path = join(box, "file");

	const written = await call("boxed/write_file", { path, content: "中文" });
	assert.ok(!written.isError, textOf(written));
	assert.equal(readFileSync(path, "utf8"), "中文");
	assert.equal(textOf(await call("boxed/read_text_file", { path })), "中文");
	// The server itself would allow this one.
	for (const result of [
		await call("boxed/read_text_file", { path: join(outside, "secret") }),
		await call("boxed/list_directory", { path: outside })]) {
		assert.ok(result.isError);
		assert.match(textOf(result), /EACCES: permission denied/);
	}
	const said = textOf(await call("boxed-bash/bash", {
		command: `echo kept > file && cat file ${join(outside, "secret")}`,
	}));
	assert.match(said, /^kept$/m);
	assert.match(said, /secret: Permission denied/);
});

for (const name of ["unconnected", "alone"]) {
	test(`${name}: no connection is made`, async (t) => {
		if (name === "unconnected" &&
			/"connect" is not kept|no Landlock/.test(gateway.log()))
			return t.skip("this kernel's Landlock knows no ports");
		const page = await startPage("page");
		const get = (backend) => call(`${backend}/gzip-file-as-resource`,
			{ name: "x.gz", data: page.url, outputType: "resource" });

		try {
			assert.ok(!(await get("everything")).isError);
			assert.equal(page.requests(), 1);
			const denied = await get(name);
			assert.ok(denied.isError, JSON.stringify(denied));
			assert.match(textOf(denied), /fetch failed/);
			assert.equal(page.requests(), 1);
			assert.equal(textOf(await call(`${name}/echo`,
				{ message: "still here" })), "Echo: still here");
		} finally {
			page.close();
		}
	});
}

// Real servers over HTTP+SSE and Streamable HTTP behind the gateway, which
// starts most of them itself ("url" and "command").  Every answer is compared
// with that of the same server, asked by the SDK's client without a gateway.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer as createPage } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Pair, all, directlyByUrl, folder, freePort, installed, outcome, startGateway, throughGateway, waitListed } from "./common.mjs";

const chromium = "/usr/bin/chromium";
const stdio = installed("mcp-server-everything");
const memory = installed("mcp-server-memory");

/** nginx with TLS on a port, in front of another one; its CA's file. */
function startNginx(port, behind)
{
	const at = (name) => join(folder, name);
	execFileSync("openssl", ["req", "-x509", "-nodes", "-days", "3",
		"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
		"-keyout", at("tls.key"), "-out", at("tls.pem"),
		"-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
	{ stdio: "ignore" });
	const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
		.map((what) => `${what}_temp_path ${at(`nginx-${what}`)};`).join("\n");
	writeFileSync(at("nginx.conf"), `
		daemon off; master_process off;
		pid ${at("nginx.pid")}; error_log stderr crit;
		events {}
		http {
			access_log off; ${temporary}
			server {
				listen 127.0.0.1:${port} ssl;
				ssl_certificate ${at("tls.pem")};
				ssl_certificate_key ${at("tls.key")};
				location / {
					proxy_pass http://127.0.0.1:${behind};
					proxy_http_version 1.1;
					proxy_set_header Host localhost:${behind};
					proxy_set_header Connection "";
				}
			}
		}`);
	nginx = spawn("nginx", ["-c", at("nginx.conf"), "-p", folder], {
		env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
		stdio: ["ignore", "ignore", "inherit"],
	});
	return at("tls.pem");
}

const servers = {};
const pairs = {};
let foreign;
let nginx;
let gateway;
let client;

before(async () => {
	const ports = await Promise.all(Array.from({ length: 10 }, freePort));
	const local = (port, path) => `http://localhost:${port}${path}`;

	servers.sse = {
		type: "sse", url: local(ports[0], "/sse"),
		command: stdio, args: ["sse"], env: { PORT: `${ports[0]}` },
	};
	servers.http = {
		type: "http", url: local(ports[1], "/mcp"),
		command: stdio, args: ["streamableHttp"], env: { PORT: `${ports[1]}` },
	};
	// Without a type: one of each kind.
	servers.found = {
		url: local(ports[2], "/sse"),
		command: stdio, args: ["sse"], env: { PORT: `${ports[2]}` },
	};
	servers["super-sse"] = {
		type: "sse", url: local(ports[3], "/sse"),
		command: installed("supergateway"),
		args: ["--stdio", `${process.execPath} ${stdio}`,
			"--port", `${ports[3]}`, "--outputTransport", "sse"],
	};
	servers["super-http"] = {
		type: "streamableHttp", url: local(ports[4], "/mcp"),
		command: installed("supergateway"),
		args: ["--stdio", `${process.execPath} ${stdio}`,
			"--port", `${ports[4]}`, "--outputTransport", "streamableHttp",
			"--stateful"],
	};
	servers["proxy-sse"] = {
		type: "sse", url: local(ports[5], "/sse"),
		command: installed("mcp-proxy"),
		args: ["--port", `${ports[5]}`, "--server", "sse", "--", process.execPath, memory],
		env: { MEMORY_FILE_PATH: join(folder, "memory-5.jsonl") },
	};
	servers["proxy-http"] = {
		url: local(ports[6], "/mcp"),
		command: installed("mcp-proxy"),
		args: ["--port", `${ports[6]}`, "--server", "stream", "--", process.execPath, memory],
		env: { MEMORY_FILE_PATH: join(folder, "memory-6.jsonl") },
	};
	servers.playwright = {
		type: "http", url: local(ports[7], "/mcp"),
		command: installed("playwright-mcp"),
		args: ["--headless", "--no-sandbox", "--isolated",
			"--executable-path", chromium, "--port", `${ports[7]}`,
			"--output-dir", join(folder, "playwright")],
	};
	// One that runs already, and is not the gateway's to start or stop.
	servers.foreign = { type: "http", url: local(ports[8], "/mcp") };
	foreign = spawn(stdio, ["streamableHttp"], {
		env: { ...process.env, PORT: `${ports[8]}` }, stdio: "ignore",
	});
	// The same behind TLS.
	servers.tls = {
		url: `https://localhost:${ports[9]}/mcp`,
		ca_file: startNginx(ports[9], ports[8]),
	};
	mkdirSync(join(folder, "playwright"), { recursive: true });

	gateway = await startGateway(servers);
	client = await throughGateway(gateway.url);
	await waitListed(client, ...Object.keys(servers).map((name) => `${name}/`));
	for (const [name, entry] of Object.entries(servers))
		pairs[name] = new Pair(name, client, await directlyByUrl(
			name === "tls" ? servers.foreign.url : entry.url));
});

after(async () => {
	for (const pair of Object.values(pairs))
		await pair.direct.close().catch(() => {});
	await client?.close();
	try {
		await gateway?.stop();
		assert.equal(foreign.exitCode, null);
	} finally {
		foreign?.kill("SIGKILL");
		nginx?.kill("SIGKILL");
	}
	assert.deepEqual(client?.errors.filter((error) =>
		!/progress notification for an unknown token/.test(error.message)), []);
});

test("the tools and prompts of every server are its own", async () => {
	for (const name of Object.keys(servers))
		await pairs[name].assertEqualLists(undefined, ["tools", "prompts"]);
});

const everything = ["sse", "http", "found", "super-sse", "super-http", "foreign", "tls"];

for (const name of everything) {
	test(`${name}: tools, content of every kind, errors`, async () => {
		const pair = pairs[name];

		await pair.call("echo", { message: "Grüße, 世界 🎵 \u0000 \r\n\r\n data: x" });
		await pair.call("get-annotated-message",
			{ messageType: "error", includeImage: true });
		await pair.call("get-structured-content", { location: "Chicago" });
		await pair.call("get-sum", { a: 2 ** 53, b: 0.1 });
		await pair.call("get-tiny-image");
		const wrong = await pair.call("get-sum", { a: "one" });
		assert.ok(wrong.isError);
	});

	test(`${name}: a long call sends progress, step by step`, async () => {
		const seen = [];
		const result = await client.callTool({
			name: `${name}/trigger-long-running-operation`,
			arguments: { duration: 1, steps: 5 },
		}, undefined, { onprogress: (progress) => seen.push(progress) });
		assert.ok(!result.isError);
		const steps = [1, 2, 3, 4, 5].map((progress) => ({ progress, total: 5 }));
		assert.ok(seen.length >= 4, JSON.stringify(seen));
		assert.deepEqual(seen, steps.slice(0, seen.length));
	});

	test(`${name}: a cancelled call rejects and the session goes on`, async () => {
		const abort = new AbortController();
		const call = client.callTool({
			name: `${name}/trigger-long-running-operation`,
			arguments: { duration: 30, steps: 2 },
		}, undefined, { signal: abort.signal });
		setTimeout(() => abort.abort("enough"), 200);
		await assert.rejects(call);
		await pairs[name].call("echo", { message: "still there" });
	});

	test(`${name}: prompts and completions`, async () => {
		const pair = pairs[name];

		await pair.same((side, full) => side.getPrompt(
			{ name: full("simple-prompt") }));
		await pair.same((side, full) => side.complete({
			ref: { type: "ref/prompt", name: full("completable-prompt") },
			argument: { name: "department", value: "E" },
		}));
	});

	test(`${name}: a hundred calls at once each get their own answer`, async () => {
		await Promise.all(Array.from({ length: 100 }, async (_, number) => {
			const result = await client.callTool({
				name: `${name}/echo`, arguments: { message: `number ${number}` },
			});
			assert.equal(result.content[0].text, `Echo: number ${number}`);
		}));
	});
}

for (const name of ["proxy-sse", "proxy-http"]) {
	test(`${name}: a graph is built and read`, async () => {
		const call = (tool, args = {}) => client.callTool(
			{ name: `${name}/${tool}`, arguments: args });

		const made = await call("create_entities", { entities: [{
			name: "東京", entityType: "Stadt", observations: ["schön 🌉"],
		}] });
		assert.ok(!made.isError, JSON.stringify(made));
		assert.ok(JSON.stringify(await call("read_graph")).includes("東京"));
		const direct = await outcome(pairs[name].direct.callTool(
			{ name: "read_graph", arguments: {} }));
		assert.deepEqual((await outcome(call("read_graph"))).result,
			direct.result);
	});
}

test("playwright over HTTP: a page is opened and read; the browser stays",
	{ skip: existsSync(chromium) ? false : `no ${chromium}` }, async () => {
		const page = createPage((request, response) => {
			response.setHeader("Content-Type", "text/html; charset=utf-8");
			response.end("<title>Page</title><h1>Hello gateway</h1>");
		});
		await new Promise((resolve) => page.listen(0, "127.0.0.1", resolve));
		const call = (tool, args = {}) => client.callTool(
			{ name: `playwright/${tool}`, arguments: args });

		try {
			const url = `http://127.0.0.1:${page.address().port}/`;
			await call("browser_navigate", { url });
			// Its heartbeat closes a session without an answer in 5 s.
			await new Promise((resolve) => setTimeout(resolve, 9000));
			assert.match(JSON.stringify(await call("browser_snapshot")),
				/Hello gateway/);
			await call("browser_close");
		} finally {
			page.close();
		}
	});

test("several clients come and go", async () => {
	for (let i = 0; i < 3; i++) {
		const others = await Promise.all(Array.from({ length: 5 }, () =>
			throughGateway(gateway.url)));
		await Promise.all(others.map(async (other, number) => {
			for (const name of ["sse", "http"]) {
				const result = await other.callTool({
					name: `${name}/echo`, arguments: { message: `${number}` },
				});
				assert.equal(result.content[0].text, `Echo: ${number}`);
			}
			await other.close();
		}));
	}
	assert.ok((await all(client, "tools")).length > 0);
});

// What servers ask the clients of others: a model, a form, a page, roots.  The
// official SDK's clients of both generations answer through the gateway, for
// servers that all share and for one of their own.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client as Client2, SSEClientTransport as Sse2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as Sse1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

import { freePort, installed, node, patience, source, startGateway, throughGateway, waitListed } from "./common.mjs";

const capabilities = {
	elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: {},
};
const conformance = join(source, "tests/conformance");
const fixture = existsSync(join(conformance, "node_modules"))
	? join(conformance, "fixture.mjs") : undefined;
const roots = [{ uri: "file:///home/u/Köln", name: "a root" }];

let gateway;
let base;

before(async () => {
	const command = installed("mcp-server-everything");
	const ports = [await freePort(), await freePort()];
	const backends = {
		piped: { command },
		remote: {
			type: "http", url: `http://127.0.0.1:${ports[0]}/mcp`,
			command, args: ["streamableHttp"], env: { PORT: `${ports[0]}` },
		},
		own: { command, session: "per-client" },
	};
	if (fixture !== undefined) {
		const args = [fixture, "--era", "legacy"];
		backends["fixture-piped"] = { command: node, args: [...args, "--stdio"] };
		// It asks on the stream of its session.
		backends["fixture-apart"] = {
			type: "http", url: `http://127.0.0.1:${ports[1]}/mcp`, command: node,
			args: [...args, "--ask-apart", "--port", `${ports[1]}`],
		};
	}
	gateway = await startGateway(backends);
	base = new URL(gateway.url).origin;
	const client = await throughGateway(gateway.url);
	await waitListed(client, ...Object.keys(backends).map((name) => `${name}/`));
	await client.close();
});

after(async () => {
	await gateway?.stop();
});

/** Connect a client of a generation; it answers with what answers() gives. */
async function connect(generation, path, answers, offered = capabilities)
{
	const me = { name: "directions", version: "1" };
	const client = generation === 1
		? new Client1(me, { capabilities: offered })
		: new Client2(me, {
			capabilities: offered, versionNegotiation: { mode: "auto" },
		});
	const asks = generation === 1 ? {
		sampling: CreateMessageRequestSchema, elicitation: ElicitRequestSchema,
		roots: ListRootsRequestSchema,
	} : {
		sampling: "sampling/createMessage", elicitation: "elicitation/create",
		roots: "roots/list",
	};
	for (const [what, ask] of Object.entries(asks)) {
		if (what in offered)
			client.setRequestHandler(ask, (request, context) =>
				answers(request.method, request.params ?? {},
					context.signal ?? context.mcpReq?.signal));
	}
	const over = path.endsWith("/sse") ? [Sse1, Sse2] : [Http1, Http2];
	await client.connect(new over[generation - 1](new URL(base + path)),
		{ timeout: 20000 * patience });
	return client;
}

const sampled = {
	role: "assistant", model: "a model", stopReason: "endTurn",
	content: { type: "text", text: "Antwort 中文" },
};
const textOf = ({ content }) => content.map(({ text }) => text).join("\n");

for (const [generation, path] of [[1, "/sse"], [1, "/mcp"], [2, "/sse"],
	[2, "/mcp"]]) {
	const title = `SDK ${generation} on ${path}`;
	let client;
	let asked = [];
	let say;
	const call = async (name, args, options = {}) => {
		asked = [];
		const params = { name, arguments: args };
		return generation === 1
			? client.callTool(params, undefined, options)
			: client.callTool(params, options);
	};

	test(`${title}: connects`, async () => {
		client = await connect(generation, path, (method, params, signal) => {
			asked.push({ method, params });
			return say(method, params, signal);
		});
	});

	for (const backend of ["piped", "remote", "own"]) {
		test(`${title}: ${backend} asks for a model's answer`, async () => {
			say = () => sampled;
			const result = await call(`${backend}/trigger-sampling-request`,
				{ prompt: "Frage?", maxTokens: 7 });
			assert.match(textOf(result), /Antwort 中文/);
			assert.equal(asked.length, 1);
			assert.equal(asked[0].method, "sampling/createMessage");
			assert.equal(asked[0].params.maxTokens, 7);
			assert.match(asked[0].params.messages[0].content.text, /Frage\?/);
		});

		test(`${title}: ${backend} asks for a form`, async () => {
			for (const action of ["accept", "decline", "cancel"]) {
				say = () => action === "accept"
					? { action, content: { name: "Jörg", check: true } } : { action };
				const result = await call(`${backend}/trigger-elicitation-request`);
				assert.match(textOf(result), {
					accept: /Jörg/, decline: /declined/, cancel: /cancelled/,
				}[action]);
				assert.equal(asked.length, 1);
				assert.ok("name" in asked[0].params.requestedSchema.properties);
			}
		});

		test(`${title}: ${backend} asks to open a page, or needs it first`,
			async () => {
				const page = {
					url: `https://example.com/${generation}${path}`,
					message: "Bitte öffnen",
				};
				say = () => ({ action: "accept" });
				const result = await call(`${backend}/trigger-url-elicitation`, page);
				assert.match(textOf(result), /completed the URL elicitation/);
				assert.equal(asked[0].params.mode, "url");
				assert.equal(asked[0].params.url, page.url);
				await assert.rejects(call(`${backend}/trigger-url-elicitation`,
					{ ...page, errorPath: true }), ({ code, data }) => {
					assert.equal(code, -32042);
					assert.equal(data.elicitations[0].mode, "url");
					return true;
				});
				assert.deepEqual(asked, []);
				// The same again goes on, with a question.
				await call(`${backend}/trigger-url-elicitation`,
					{ ...page, errorPath: true });
				assert.equal(asked.length, 1);
			});

		test(`${title}: ${backend} is told that its client refuses`, async () => {
			say = () => {
				throw Object.assign(new Error("rejected by its user"), { code: -1 });
			};
			const result = await call(`${backend}/trigger-sampling-request`,
				{ prompt: "x", maxTokens: 1 });
			assert.ok(result.isError);
			assert.match(textOf(result), /rejected by its user/);
		});
	}

	test(`${title}: a server of its own knows its roots`, async () => {
		say = () => ({ roots });
		const result = await call("own/get-roots-list");
		assert.match(textOf(result), /file:\/\/\/home\/u\/Köln/);
	});

	test(`${title}: what it asked for is cancelled, and so is what it is asked`,
		async () => {
			const abort = new AbortController();
			let cancelled;
			const over = new Promise((resolve) => { cancelled = resolve; });
			say = (_, __, signal) => new Promise(() => {
				signal.addEventListener("abort", cancelled);
				abort.abort("enough");
			});
			await assert.rejects(call("remote/trigger-elicitation-request", {},
				{ signal: abort.signal }));
			await over;
			await client.ping();
		});

	for (const backend of ["fixture-piped", "fixture-apart"]) {
		test(`${title}: ${backend} asks`,
			{ skip: fixture ? false : "no tests/conformance/node_modules" },
			async () => {
				say = () => sampled;
				assert.equal(textOf(await call(`${backend}/test_sampling`,
					{ prompt: "x" })), "LLM response: Antwort 中文");
				say = () => ({ action: "accept", content: {
					username: "ü", email: "u@example.com",
				} });
				assert.match(textOf(await call(`${backend}/test_elicitation`,
					{ message: "Wer?" })), /action=accept.*"username":"ü"/);
				assert.equal(asked[0].params.message, "Wer?");
			});
	}

	test(`${title}: who cannot answer is not asked`, async () => {
		const other = await connect(generation, path,
			() => assert.fail("it was asked"), {});
		try {
			for (const backend of ["piped", "remote"]) {
				const result = await other.callTool({
					name: `${backend}/trigger-elicitation-request`, arguments: {},
				});
				assert.ok(result.isError);
				assert.match(textOf(result), /did not declare that it can do this/);
			}
			// Its own, which is told what it can, does not even have the tool.
			const result = await other.callTool({
				name: "own/get-roots-list", arguments: {},
			});
			assert.ok(result.isError);
			assert.match(textOf(result), /Tool get-roots-list not found/);
		} finally {
			await other.close();
		}
	});

	test(`${title}: ends`, () => client.close());
}

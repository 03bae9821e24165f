// The server that the official conformance suites ask: every tool, prompt and
// resource that they call by name (offered.mjs), on the official SDK.
//
// usage: fixture.mjs --era legacy [--ask-apart] (--stdio | --port N)
//
// An era is a way to open a conversation: "legacy" with initialize, as until
// revision 2025-11-25.  With --ask-apart clients are asked on the stream of
// their session, not on that of the call for which they are asked.  Port 0 is
// any free one; the address is printed.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { NodeStreamableHTTPServerTransport, localhostHostValidation, localhostOriginValidation } from "@modelcontextprotocol/node";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";

import { makeServer } from "./offered.mjs";

const usage = "usage: fixture.mjs --era legacy [--ask-apart] (--stdio | --port N)";
// How long a client waits before it comes back to a stream that was closed.
const retryInterval = 100;
// Events of a session that can be sent again; no call of the suites has more.
const eventsKept = 100;

/** Print what is wrong and end. */
function refuse(message)
{
	console.error(`fixture.mjs: ${message}\n${usage}`);
	process.exit(2);
}

/** What was sent in one session, for clients that ask for it again. */
class Events
{
	#events = [];
	#sent = 0;

	async storeEvent(stream, message)
	{
		const id = `${stream}/${++this.#sent}`;
		this.#events.push({ id, stream, message });
		if (this.#events.length > eventsKept)
			this.#events.shift();
		return id;
	}

	async getStreamIdForEventId(id)
	{
		return this.#events.find((event) => event.id === id)?.stream;
	}

	async replayEventsAfter(id, { send })
	{
		const at = this.#events.findIndex((event) => event.id === id);
		const { stream } = this.#events[at];
		for (const event of this.#events.slice(at + 1)) {
			// What opens a stream has an id and no message.
			if (event.stream === stream && "jsonrpc" in event.message)
				await send(event.id, event.message);
		}
		return stream;
	}
}

/** Start a session; the transport for all its requests. */
async function openSession(sessions)
{
	const server = makeServer(askApart);
	const transport = new NodeStreamableHTTPServerTransport({
		sessionIdGenerator: randomUUID,
		eventStore: new Events(),
		retryInterval,
		onsessioninitialized: (id) => sessions.set(id, transport),
		onsessionclosed: (id) => sessions.delete(id),
	});
	await server.connect(transport);
	return transport;
}

function answer(response, status, message)
{
	response.writeHead(status, { "content-type": "application/json" });
	response.end(JSON.stringify({
		jsonrpc: "2.0", error: { code: -32000, message }, id: null,
	}));
}

/** Streamable HTTP with sessions at /mcp. */
function listen(port)
{
	const sessions = new Map();
	const isOurHost = localhostHostValidation();
	const isOurOrigin = localhostOriginValidation();
	const server = createServer(async (request, response) => {
		if (!isOurHost(request, response) || !isOurOrigin(request, response))
			return;
		if (new URL(request.url, "http://localhost").pathname !== "/mcp")
			return answer(response, 404, "The only path is /mcp");
		const id = request.headers["mcp-session-id"];
		if (id !== undefined && !sessions.has(id))
			return answer(response, 404, "Session not found");
		// Only initialize needs no session; of a new one the SDK takes nothing else.
		const transport = sessions.get(id) ?? await openSession(sessions);
		await transport.handleRequest(request, response);
	});
	server.on("error", (error) => refuse(`port ${port}: ${error.message}`));
	server.listen(port, "127.0.0.1", () => console.log(
		`listening on http://127.0.0.1:${server.address().port}/mcp`));
}

function readArguments()
{
	try {
		return parseArgs({ options: {
			"ask-apart": { type: "boolean", default: false },
			era: { type: "string" },
			port: { type: "string" },
			stdio: { type: "boolean", default: false },
		} }).values;
	} catch (error) {
		return refuse(error.message);
	}
}

const { era, port, stdio, "ask-apart": askApart } = readArguments();
if (era !== "legacy")
	refuse(era === undefined ? "--era is missing"
		: `unknown era "${era}": there is only "legacy"`);
if (stdio === (port !== undefined))
	refuse("one of --stdio and --port N is needed, and not both");
if (stdio)
	await makeServer(askApart).connect(new StdioServerTransport());
else if (/^\d{1,5}$/.test(port) && Number(port) <= 65535)
	listen(Number(port));
else
	refuse(`"${port}" is not a port`);

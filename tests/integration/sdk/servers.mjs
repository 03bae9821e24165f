// The official SDK's client on a gateway with many real servers and some bad
// ones behind it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Pair, all, directly, startGateway, throughGateway, waitListed } from "./common.mjs";
import { compareAnswers, directEntry, files, makeFolder, realServers } from "./real.mjs";

const servers = realServers();
const bad = {
	"exits-at-once": { command: "/bin/false" },
	"never-answers": { command: "/bin/sleep", args: ["1000"] },
	"does-not-exist": { command: "/no/such/program" },
};

let gateway;
let client;
const pairs = {};
const seen = { pairs };

before(async () => {
	makeFolder(files);
	gateway = await startGateway({
		"exits-at-once": bad["exits-at-once"], ...servers,
		"never-answers": bad["never-answers"],
		"does-not-exist": bad["does-not-exist"],
	});
	seen.client = client = await throughGateway(gateway.url);
	await waitListed(client, ...Object.keys(servers).map((name) => `${name}/`));
	for (const [name, entry] of Object.entries(servers))
		pairs[name] = new Pair(name, client,
			await directly(directEntry(name, entry)));
});

after(async () => {
	for (const pair of Object.values(pairs))
		await pair.direct.close();
	await client?.close();
	await gateway?.stop();
	// When progress and the result come together the SDK sometimes forgets
	// the former's handler before it looks at it.
	assert.deepEqual(client?.errors.filter((error) =>
		!/progress notification for an unknown token/.test(error.message)), []);
});

test("the tools of all servers are listed in the order of the configuration",
	async () => {
		const names = (await all(client, "tools")).map((tool) =>
			tool.name.split("/")[0]);
		assert.deepEqual([...new Set(names)], Object.keys(servers));
	});

// "job_user" says root, whom common.mjs names where the tests are root.
compareAnswers(seen, (name) => process.getuid() === 0 &&
	["HOME", "LOGNAME", "SHELL", "USER"].includes(name));

test("many calls at once each get their own answer", async () => {
	await Promise.all(Array.from({ length: 200 }, async (_, number) => {
		const result = await client.callTool({
			name: "everything/echo", arguments: { message: `number ${number}` },
		});
		assert.equal(result.content[0].text, `Echo: number ${number}`);
	}));
});

test("bad backends have no tools, an error each, and a line in the log",
	async () => {
		for (const name of Object.keys(bad)) {
			await assert.rejects(client.callTool({ name: `${name}/x` }));
			assert.match(gateway.log(), new RegExp(name));
		}
		assert.match(gateway.log(), /\/no\/such\/program/);
	});

test("several clients come and go", async () => {
	for (let i = 0; i < 5; i++) {
		const others = await Promise.all(Array.from({ length: 5 }, () =>
			throughGateway(gateway.url)));
		await Promise.all(others.map(async (other, number) => {
			const result = await other.callTool({
				name: "everything/echo", arguments: { message: `${number}` },
			});
			assert.equal(result.content[0].text, `Echo: ${number}`);
			await other.close();
		}));
	}
	await client.ping();
});

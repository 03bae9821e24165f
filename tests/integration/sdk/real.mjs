// The real servers that are put behind the gateway, and what they are asked:
// each the same over stdio without a gateway.  The answers must be deep equal,
// but for what two runs of a server say differently: times, which are removed
// where a test says so.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { all, folder, installed, outcome, program } from "./common.mjs";

export const chromium = "/usr/bin/chromium";
export const files = join(folder, "files");

/** A folder that every user may write to, empty. */
export function makeFolder(path)
{
	rmSync(path, { recursive: true, force: true });
	mkdirSync(path);
	chmodSync(path, 0o777);
}

/** Entries of a configuration, by name. */
export const realServers = () => ({
	everything: { command: installed("mcp-server-everything"), args: [] },
	filesystem: { command: installed("mcp-server-filesystem"), args: [files] },
	memory: {
		command: installed("mcp-server-memory"), args: [],
		env: { MEMORY_FILE_PATH: join(folder, "memory.jsonl") },
	},
	thinking: {
		command: installed("mcp-server-sequential-thinking"), args: [],
	},
	playwright: {
		command: installed("playwright-mcp"),
		args: ["--headless", "--no-sandbox", "--isolated",
			"--executable-path", chromium,
			"--output-dir", join(folder, "playwright")],
	},
	bash: { command: program("mcp-server-bash"), args: [] },
	example: { command: program("mcp-server-example"), args: [] },
});

/** The same of one that does not share its file with the other. */
export const directEntry = (name, entry) => name !== "memory" ? entry : {
	...entry, env: { MEMORY_FILE_PATH: join(folder, "memory-direct.jsonl") },
};

/**
 * Register the tests.  at.client and at.pairs, by name, are there when they
 * run; isOwn tells which variables are about the user that a backend runs as.
 */
export function compareAnswers(at, isOwn = () => false)
{
	test("every list of every server is the server's own", async () => {
		await at.pairs.everything.assertEqualLists("demo:");
		await at.pairs.memory.assertEqualLists("memory:");
		for (const name of ["filesystem", "thinking", "playwright", "bash"])
			await at.pairs[name].assertEqualLists();
	});

	test("everything: tools", async () => {
		const pair = at.pairs.everything;

		await pair.call("echo", { message: "Grüße, 世界 🎵 \u0000 \r\n\r\n data: x" });
		for (const messageType of ["error", "success", "debug"])
			await pair.call("get-annotated-message",
				{ messageType, includeImage: true });
		// The gateway hands its environment on, in another order, and puts the
		// folders of its own servers at the end of PATH.
		const environment = ({ result }) => {
			const { PATH, ...rest } = JSON.parse(result.content[0].text);
			for (const name of Object.keys(rest).filter(isOwn))
				delete rest[name];
			return { rest, path: PATH.startsWith(process.env.PATH) };
		};
		const direct = environment(await outcome(
			pair.direct.callTool({ name: "get-env" })));
		const ours = environment(await outcome(
			at.client.callTool({ name: "everything/get-env" })));
		assert.deepEqual(ours, direct);
		for (const count of [1, 10])
			await pair.call("get-resource-links", { count });
		await pair.call("get-structured-content", { location: "Chicago" });
		const sum = await pair.call("get-sum", { a: 2 ** 53, b: 0.1 });
		assert.ok(!sum.isError);
		const image = await pair.call("get-tiny-image");
		assert.ok(image.content.some((part) => part.type === "image"));
		// Resources made on the fly say when they were made.
		const times = (x) => JSON.parse(JSON.stringify(x)
			.replace(/\d{1,2}:\d\d:\d\d( [AP]M)?/g, "TIME"));
		await pair.call("get-resource-reference",
			{ resourceType: "Text", resourceId: 7 }, { clean: times });
		await pair.call("gzip-file-as-resource", {
			name: "x.gz", outputType: "resource",
			data: `data:text/plain;base64,${Buffer.from("x".repeat(5000))
				.toString("base64")}`,
		});
	});

	test("everything: what is wrong is wrong in the same words", async () => {
		const pair = at.pairs.everything;

		const wrong = await pair.call("get-sum", { a: "one" });
		assert.ok(wrong.isError);
		await pair.call("get-resource-links", { count: 100 });
	});

	test("everything: a long call sends progress, step by step", async () => {
		const seen = [];
		const args = { duration: 1, steps: 5 };
		const result = await at.pairs.everything.call(
			"trigger-long-running-operation", args,
			{ more: { onprogress: (progress) => seen.push(progress) } });

		assert.ok(!result.isError);
		// Of both runs.  The SDK drops the last step when the result comes with it.
		const steps = [1, 2, 3, 4, 5].map((progress) => ({ progress, total: 5 }));
		const second = seen.findLastIndex(({ progress }) => progress === 1);
		for (const run of [seen.slice(0, second), seen.slice(second)]) {
			assert.ok(run.length >= 4);
			assert.deepEqual(run, steps.slice(0, run.length));
		}
	});

	test("everything: a cancelled call rejects and the session goes on",
		async () => {
			const abort = new AbortController();
			const call = at.client.callTool({
				name: "everything/trigger-long-running-operation",
				arguments: { duration: 30, steps: 2 },
			}, undefined, { signal: abort.signal });
			setTimeout(() => abort.abort("enough"), 200);
			await assert.rejects(call);
			await at.client.ping();
		});

	test("everything: resources are read, listed ones and made ones", async () => {
		const pair = at.pairs.everything;
		const listed = await all(pair.direct, "resources");

		assert.ok(listed.length > 0);
		for (const { uri } of listed)
			await pair.same((side) => side.readResource({ uri }));
		const times = (x) => JSON.parse(JSON.stringify(x)
			.replace(/\d{1,2}:\d\d:\d\d( [AP]M)?/g, "TIME"));
		await pair.same((side) => side.readResource(
			{ uri: "demo://resource/dynamic/text/17" }), times);
		const blob = await outcome(at.client.readResource(
			{ uri: "demo://resource/dynamic/blob/17" }));
		assert.ok(Buffer.from(blob.result.contents[0].blob, "base64").length > 0);
	});

	test("everything: prompts and completions", async () => {
		const pair = at.pairs.everything;

		await pair.same((side, name) => side.getPrompt(
			{ name: name("simple-prompt") }));
		await pair.same((side, name) => side.getPrompt(
			{ name: name("args-prompt"), arguments: { city: "Köln", state: "NRW" } }));
		await pair.same((side, name) => side.getPrompt({
			name: name("completable-prompt"),
			arguments: { department: "Engineering", name: "Alice" },
		}));
		const values = await pair.same((side, name) => side.complete({
			ref: { type: "ref/prompt", name: name("completable-prompt") },
			argument: { name: "department", value: "E" },
		}));
		assert.ok(values.completion.values.length > 0);
		await pair.same((side) => side.complete({
			ref: {
				type: "ref/resource", uri: "demo://resource/dynamic/text/{resourceId}",
			},
			argument: { name: "resourceId", value: "1" },
		}));
		await at.client.setLoggingLevel("debug");
	});

	test("filesystem: files are written, read, edited, moved and searched",
		async () => {
			const pair = at.pairs.filesystem;
			const path = (name) => join(files, name);
			// Both sides work on the same folder, so it is made anew for each.
			const fresh = () => {
				makeFolder(files);
				mkdirSync(join(files, "inner"));
				writeFileSync(path("a.txt"), "eins\nzwei 中文 🎵\ndrei\n");
				writeFileSync(path("b.bin"), Buffer.from([0, 255, 128, 13, 10]));
				writeFileSync(path("big.txt"), "0123456789\n".repeat(100000));
				writeFileSync(path("inner/c.txt"), "c");
			};
			const call = (tool, args, more) =>
				pair.call(tool, args, { before: fresh, ...more });

			const read = await call("read_text_file", { path: path("a.txt") });
			assert.match(read.content[0].text, /中文/);
			await call("read_file", { path: path("a.txt") });
			await call("read_text_file", { path: path("a.txt"), tail: 1 });
			await call("read_text_file", { path: path("a.txt"), head: 1 });
			const big = await call("read_text_file", { path: path("big.txt") });
			assert.equal(big.content[0].text.length, 1100000);
			await call("read_media_file", { path: path("b.bin") });
			await call("read_multiple_files",
				{ paths: [path("a.txt"), path("nope"), path("inner/c.txt")] });
			await call("write_file", { path: path("new"), content: "\u0000é\r\n" });
			await call("edit_file", {
				path: path("a.txt"),
				edits: [{ oldText: "zwei", newText: "2" }],
			});
			await call("edit_file", {
				path: path("a.txt"), dryRun: true,
				edits: [{ oldText: "not there", newText: "2" }],
			});
			await call("create_directory", { path: path("d/e/f") });
			await call("list_directory", { path: files });
			await call("list_directory_with_sizes", { path: files, sortBy: "size" });
			await call("directory_tree", { path: files });
			await call("move_file",
				{ source: path("a.txt"), destination: path("z.txt") });
			await call("search_files", { path: files, pattern: "**/*.txt" });
			// Creation and access are the kernel's times, and differ.
			await call("get_file_info", { path: path("a.txt") }, {
				before: () => {
					fresh();
					utimesSync(path("a.txt"), 1e9, 1e9);
				},
				clean: (x) => JSON.parse(JSON.stringify(x)
					.replace(/(created|accessed): [^\\]*/g, "$1")),
			});
			await call("list_allowed_directories");
			const outside = await call("read_text_file", { path: "/etc/passwd" });
			assert.ok(outside.isError);
		});

	test("memory: a graph is built, searched and taken apart", async () => {
		const pair = at.pairs.memory;
		const entity = (name) => ({
			name, entityType: "Stadt", observations: [`${name} ist schön 🌉`],
		});
		const graph = () => pair.call("read_graph");

		await graph();
		await pair.call("create_entities",
			{ entities: ["Köln", "東京", "Oslo"].map(entity) });
		await pair.call("create_relations", {
			relations: [{ from: "Köln", to: "Oslo", relationType: "kennt" }],
		});
		await pair.call("add_observations", {
			observations: [{ entityName: "Oslo", contents: ["kalt", "hell"] }],
		});
		await pair.call("add_observations", {
			observations: [{ entityName: "nirgends", contents: ["x"] }],
		});
		assert.ok(JSON.stringify(await graph()).includes("東京"));
		await pair.call("search_nodes", { query: "schön" });
		await pair.call("open_nodes", { names: ["Oslo", "東京"] });
		await pair.same((side) => side.readResource(
			{ uri: "memory://knowledge-graph" }));
		await pair.call("delete_observations", {
			deletions: [{ entityName: "Oslo", observations: ["kalt"] }],
		});
		await pair.call("delete_relations", {
			relations: [{ from: "Köln", to: "Oslo", relationType: "kennt" }],
		});
		await pair.call("delete_entities", { entityNames: ["Köln"] });
		await graph();
	});

	test("sequential thinking: thoughts, revisions and branches", async () => {
		const pair = at.pairs.thinking;
		const think = (thoughtNumber, more = {}) => pair.call(
			"sequentialthinking", {
				thought: `Gedanke ${thoughtNumber}`, nextThoughtNeeded: true,
				thoughtNumber, totalThoughts: 3, ...more,
			});

		await think(1);
		await think(2, { isRevision: true, revisesThought: 1 });
		await think(2, { branchFromThought: 1, branchId: "b" });
		await think(3, { nextThoughtNeeded: false });
		await think(0);
	});

	test("playwright: a page is opened, read and photographed",
		{ skip: existsSync(chromium) ? false : `no ${chromium}` }, async () => {
			const pair = at.pairs.playwright;
			const page = createServer((request, response) => {
				response.setHeader("Content-Type", "text/html; charset=utf-8");
				response.end("<title>Page</title><h1>Hello gateway</h1>" +
					"<p>ünïcödé 中文 🎵</p><button onclick=\"" +
					"this.textContent='pressed'\">press</button>");
			});
			await new Promise((resolve) => page.listen(0, "127.0.0.1", resolve));
			// Screenshots are stored under the time of day, and pages' links to
			// snapshots too.
			const clean = (x) => JSON.parse(JSON.stringify(x)
				.replace(/\d{4}-\d\d-\d\dT[\d:.-]+Z/g, "TIME"));
			const call = (tool, args) => pair.call(tool, args, { clean });

			try {
				const url = `http://127.0.0.1:${page.address().port}/`;
				await call("browser_navigate", { url });
				const text = JSON.stringify(await call("browser_snapshot"));
				assert.match(text, /Hello gateway/);
				assert.match(text, /ünïcödé 中文 🎵/);
				const ref = text.match(/button[^[]*\[ref=(\w+)\]/)[1];
				await call("browser_click",
					{ element: "the button", target: ref, ref });
				assert.match(JSON.stringify(await call("browser_snapshot")),
					/pressed/);
				await call("browser_evaluate", { function: "() => document.title" });
				const shot = await call("browser_take_screenshot", { type: "png" });
				const image = shot.content.find((part) => part.type === "image");
				assert.equal(Buffer.from(image.data, "base64")
					.subarray(1, 4).toString(), "PNG");
				const wrong = await call("browser_click",
					{ element: "nothing", target: "e999", ref: "e999" });
				assert.ok(wrong.isError);
				await call("browser_close", {});
			} finally {
				page.close();
			}
		});

	test("bash: a command's status and both its outputs", async () => {
		const pair = at.pairs.bash;
		const [tool] = await all(pair.direct, "tools");
		const call = (command) => pair.call(tool.name, { command });

		for (const command of ["echo hello", "echo wrong >&2; exit 3", "true", "",
			"printf 'ä\\xff\\0b'", "cat", "[[ a == a ]] && echo $BASH_VERSION",
			"seq 20000", "kill -9 $$"])
			await call(command);
		const text = JSON.stringify(await call("echo out; echo err >&2; exit 7"));
		for (const part of ["out", "err", "7"])
			assert.ok(text.includes(part));
	});

	test("example: every tool, resource and prompt is reached", async () => {
		const pair = at.pairs.example;

		const theirs = (await all(pair.direct, "tools")).map((tool) => tool.name);
		const ours = (await all(at.client, "tools")).map((tool) => tool.name)
			.filter((name) => name.startsWith("example/"))
			.map((name) => name.slice("example/".length));
		assert.deepEqual(ours, theirs);
		for (const { uri } of await all(pair.direct, "resources"))
			await pair.same((side) => side.readResource({ uri }));
		for (const prompt of await all(pair.direct, "prompts")) {
			const given = Object.fromEntries((prompt.arguments ?? [])
				.map(({ name }) => [name, "x"]));
			await pair.same((side, name) => side.getPrompt(
				{ name: name(prompt.name), arguments: given }));
		}
	});
}

// What the conformance suites look for in a server, by the names and in the
// words that the suites' own descriptions give.
import { setTimeout as sleep } from "node:timers/promises";

import { McpServer, ResourceTemplate, fromJsonSchema } from "@modelcontextprotocol/server";

// One red pixel, and one sample of silence.
const image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const audio = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==";
// The suites want to see that messages come one by one.
const pause = 50;

const text = (words) => ({ type: "text", text: words });
const png = { type: "image", data: image, mimeType: "image/png" };
const wav = { type: "audio", data: audio, mimeType: "audio/wav" };
const embedded = (uri, mimeType, words) => ({
	type: "resource", resource: { uri, mimeType, text: words },
});
const strings = (descriptions) => fromJsonSchema({
	type: "object",
	properties: Object.fromEntries(Object.entries(descriptions).map(
		([name, description]) => [name, { type: "string", description }])),
	required: Object.keys(descriptions),
});
const nothing = strings({});
const titled = (titles) => Object.entries(titles).map(
	([value, title]) => ({ const: value, title }));

// Every kind of field with a default (SEP-1034).
const defaults = {
	name: { type: "string", description: "Name", default: "John Doe" },
	age: { type: "integer", description: "Age", default: 30 },
	score: { type: "number", description: "Score", default: 95.5 },
	status: {
		type: "string", description: "Status",
		enum: ["active", "inactive", "pending"], default: "active",
	},
	verified: { type: "boolean", description: "Verified", default: true },
};

// Every way to write a choice (SEP-1330).
const choices = {
	untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
	titledSingle: {
		type: "string",
		oneOf: titled({ value1: "First Option", value2: "Second Option" }),
	},
	legacyEnum: {
		type: "string", enum: ["opt1", "opt2", "opt3"],
		enumNames: ["Option One", "Option Two", "Option Three"],
	},
	untitledMulti: {
		type: "array",
		items: { type: "string", enum: ["option1", "option2", "option3"] },
	},
	titledMulti: {
		type: "array",
		items: { anyOf: titled({ value1: "First Choice", value2: "Second Choice" }) },
	},
};

// What a list must hand on as it is (SEP-1613, SEP-2106).
const vocabulary = {
	$schema: "https://json-schema.org/draft/2020-12/schema",
	type: "object",
	$defs: {
		address: {
			$anchor: "addressDef",
			type: "object",
			properties: { street: { type: "string" }, city: { type: "string" } },
		},
	},
	properties: {
		name: { type: "string" },
		address: { $ref: "#/$defs/address" },
		contactMethod: { type: "string", enum: ["phone", "email"] },
		phone: { type: "string" },
		email: { type: "string" },
	},
	allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
	if: {
		properties: { contactMethod: { const: "phone" } },
		required: ["contactMethod"],
	},
	then: { required: ["phone"] },
	else: { required: ["email"] },
	additionalProperties: false,
};

/** Ask the client's user to fill in a form; what came of it. */
async function ask(ctx, message, properties, required = [])
{
	const { action, content } = await ctx.mcpReq.elicitInput({
		mode: "form", message,
		requestedSchema: { type: "object", properties, required },
	}, ctx.where);
	return `action=${action}, content=${JSON.stringify(content ?? {})}`;
}

/** Each has a name and a description and returns content. */
const tools = [
	["test_simple_text", "Returns a text", nothing,
		() => [text("This is a simple text response for testing.")]],
	["test_image_content", "Returns an image", nothing, () => [png]],
	["test_audio_content", "Returns a sound", nothing, () => [wav]],
	["test_embedded_resource", "Returns a resource", nothing,
		() => [embedded("test://embedded-resource", "text/plain",
			"This is an embedded resource content.")]],
	["test_multiple_content_types", "Returns three kinds of content", nothing,
		() => [text("Multiple content types test:"), png,
			embedded("test://mixed-content-resource", "application/json",
				JSON.stringify({ test: "data", value: 123 }))]],
	["test_tool_with_logging", "Logs three times while it runs", nothing,
		async (_, ctx) => {
			await ctx.mcpReq.log("info", "Tool execution started");
			await sleep(pause);
			await ctx.mcpReq.log("info", "Tool processing data");
			await sleep(pause);
			await ctx.mcpReq.log("info", "Tool execution completed");
			return [text("Logged three times.")];
		}],
	["test_tool_with_progress", "Says three times how far it is", nothing,
		async (_, ctx) => {
			const progressToken = ctx.mcpReq._meta?.progressToken;
			for (const progress of [0, 50, 100]) {
				if (progressToken !== undefined)
					await ctx.mcpReq.notify({
						method: "notifications/progress",
						params: { progressToken, progress, total: 100 },
					});
				await sleep(progress < 100 ? pause : 0);
			}
			return [text(`Progress was sent for ${JSON.stringify(progressToken)}.`)];
		}],
	["test_error_handling", "Fails", nothing, () => {
		throw new Error("This tool intentionally returns an error for testing");
	}],
	["test_reconnection", "Closes the stream of its answer before it answers", nothing,
		async (_, ctx) => {
			ctx.http?.closeSSE?.(); // there is none over stdio
			await sleep(pause);
			return [text("Answered after the stream was closed.")];
		}],
	["test_sampling", "Asks the client's model",
		strings({ prompt: "What to ask" }),
		async ({ prompt }, ctx) => {
			const { content } = await ctx.mcpReq.requestSampling({
				messages: [{ role: "user", content: text(prompt) }],
				maxTokens: 100,
			}, ctx.where);
			return [text(`LLM response: ${content.text}`)];
		}],
	["test_elicitation", "Asks the client's user",
		strings({ message: "What to ask" }),
		async ({ message }, ctx) => [text("User response: " +
			await ask(ctx, message, {
				username: { type: "string", description: "User's response" },
				email: { type: "string", description: "User's email address" },
			}, ["username", "email"]))]],
	["test_elicitation_sep1034_defaults", "Asks with defaults", nothing,
		async (_, ctx) => [text("Elicitation completed: " +
			await ask(ctx, "Correct what is wrong", defaults))]],
	["test_elicitation_sep1330_enums", "Asks with choices", nothing,
		async (_, ctx) => [text("Elicitation completed: " +
			await ask(ctx, "Choose", choices))]],
	["json_schema_2020_12_tool", "Has a schema with much of the vocabulary",
		fromJsonSchema(vocabulary),
		(given) => [text(`Called with ${JSON.stringify(given)}.`)]],
];

/** Each has a name, a description and arguments and returns messages. */
const prompts = [
	["test_simple_prompt", "Has no arguments", undefined,
		() => [text("This is a simple prompt for testing.")]],
	["test_prompt_with_arguments", "Has two arguments",
		strings({ arg1: "First test argument", arg2: "Second test argument" }),
		({ arg1, arg2 }) =>
			[text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)]],
	["test_prompt_with_embedded_resource", "Has a resource",
		strings({ resourceUri: "URI of the resource" }),
		({ resourceUri }) => [
			embedded(resourceUri, "text/plain",
				"Embedded resource content for testing."),
			text("Please process the embedded resource above."),
		]],
	["test_prompt_with_image", "Has an image", undefined,
		() => [png, text("Please analyze the image above.")]],
];

// What can be in an argument of a prompt.
const completions = ["paris", "park", "party", "test", "testing"];

const resources = [
	["static-text", "test://static-text", "text/plain",
		{ text: "This is the content of the static text resource." }],
	["static-binary", "test://static-binary", "image/png", { blob: image }],
	["watched-resource", "test://watched-resource", "text/plain",
		{ text: "This is the content of the watched resource." }],
];

function offerResources(server)
{
	for (const [name, uri, mimeType, content] of resources)
		server.registerResource(name, uri,
			{ description: `The resource ${name}`, mimeType },
			() => ({ contents: [{ uri, mimeType, ...content }] }));
	const mimeType = "application/json";
	server.registerResource("template",
		new ResourceTemplate("test://template/{id}/data", { list: undefined }),
		{ description: "Data of any id", mimeType },
		({ href }, { id }) => ({ contents: [{
			uri: href, mimeType,
			text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
		}] }));
	for (const method of ["resources/subscribe", "resources/unsubscribe"])
		server.server.setRequestHandler(method, () => ({}));
}

/**
 * A server for one client, not yet connected.  What its tools ask the client
 * goes out on the stream of the call, or with askApart on that of the session,
 * where the SDK sends it unless it is told of which call it is a part.
 */
export function makeServer(askApart)
{
	const server = new McpServer({ name: "fixture", version: "1.0.0" }, {
		capabilities: {
			tools: { listChanged: true },
			prompts: { listChanged: true },
			resources: { subscribe: true, listChanged: true },
			logging: {}, completions: {},
		},
	});
	for (const [name, description, inputSchema, run] of tools)
		server.registerTool(name, { description, inputSchema },
			async (given, ctx) => ({ content: await run(given, {
				...ctx,
				where: askApart ? {} : { relatedRequestId: ctx.mcpReq.id },
			}) }));
	for (const [name, description, argsSchema, write] of prompts)
		server.registerPrompt(name, { description, argsSchema }, (given) => ({
			messages: write(given).map((content) => ({ role: "user", content })),
		}));
	server.server.setRequestHandler("completion/complete", ({ params }) => {
		const values = completions.filter((word) =>
			word.startsWith(params.argument.value));
		return { completion: { values, total: values.length, hasMore: false } };
	});
	offerResources(server);
	return server;
}

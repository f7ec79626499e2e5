// Reads streams, a line each, as `{reader, events}`; answers for each what the reader makes of it: the message of
// the AI SDK (`ai-5`, `ai-6`, `ai-7`), the messages of AG-UI's client (`ag-ui`), or what is wrong.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.argv[2]}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { AbstractAgent } = await load("@ag-ui/client");
const { EventSchema } = await load("@ag-ui/core/schemas");
const { from } = await load("rxjs");
console.error = console.warn = () => {};

async function aiSdk(name, chunks) {
  const { readUIMessageStream, uiMessageChunkSchema } = await load(name);
  const schema = typeof uiMessageChunkSchema === "function" ? uiMessageChunkSchema() : uiMessageChunkSchema;
  for (const chunk of chunks) {
    const checked = await schema.validate(chunk);
    if (!checked.success) throw new Error(`${JSON.stringify(chunk)}: ${checked.error.message}`);
  }
  let wrong, message = null;
  const onError = (error) => { wrong ??= error; };
  // A failed stream's own error is no fault of the stream.
  const stream = ReadableStream.from(chunks.filter((chunk) => chunk.type !== "error"));
  for await (const one of readUIMessageStream({ stream, onError })) message = one;
  if (wrong) throw wrong;
  return { message: message && JSON.parse(JSON.stringify(message)) };
}

class Scripted extends AbstractAgent {
  constructor(events) {
    super({ threadId: "s" });
    this.events = events;
  }

  run() {
    return from(this.events);
  }
}

async function agUi(events) {
  for (const event of events) EventSchema.parse(event);
  const agent = new Scripted(events);
  let failed;
  await agent.runAgent({ runId: "r" }, { onRunFailed: ({ error }) => { failed = error; } });
  if (failed) throw failed;
  return { messages: agent.messages };
}

for await (const line of createInterface({ input: process.stdin })) {
  let told;
  try {
    const { reader, events } = JSON.parse(line);
    told = reader === "ag-ui" ? await agUi(events) : await aiSdk(reader, events);
  } catch (error) {
    told = { error: String(error?.message ?? error) };
  }
  console.log(JSON.stringify(told));
}

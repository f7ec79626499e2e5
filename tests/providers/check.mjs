// Reads lists of UIMessages, a line each; answers for each what is wrong with it, or what the AI SDK makes of it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.argv[2]}/`);
const { convertToModelMessages, validateUIMessages } = await import(pathToFileURL(require.resolve("ai")));

for await (const line of createInterface({ input: process.stdin })) {
  let told;
  try {
    const messages = await validateUIMessages({ messages: JSON.parse(line) });
    told = { messages: await convertToModelMessages(messages) };
  } catch (error) {
    told = { error: String(error?.message ?? error) };
  }
  console.log(JSON.stringify(told));
}

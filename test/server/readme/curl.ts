/** The part of curl that the documents use, for machines without curl. An unknown option is an error. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fail: { type: "boolean", short: "f" },
    silent: { type: "boolean", short: "s" },
    "show-error": { type: "boolean", short: "S" },
    "no-buffer": { type: "boolean", short: "N" },
    retry: { type: "string", default: "0" },
    "retry-all-errors": { type: "boolean" },
    request: { type: "string", short: "X" },
    header: { type: "string", short: "H", multiple: true, default: [] },
    data: { type: "string", short: "d" },
    "data-binary": { type: "string" },
  },
});
const [url = ""] = positionals;
const data = values.data ?? values["data-binary"];
const read = (at: string) => readFileSync(at === "@-" ? 0 : at.slice(1), "utf8");
const body = data?.startsWith("@") ? read(data) : data;
const lines = values.header.flatMap((line) => (line.startsWith("@") ? read(line).trim().split("\n") : [line]));
const headers = lines.map((line): [string, string] => {
  const [name = "", value = ""] = line.split(/: *(.*)/s);
  return [name, value];
});
const method = values.request ?? (body === undefined ? "GET" : "POST");

let answer: Response | undefined;
for (let left = Number(values.retry); left >= 0 && !answer?.ok; left -= 1) {
  answer = await fetch(url, { method, headers, body: body ?? null }).catch(() => undefined);
}
if (answer === undefined) process.exitCode = 7;
else if (values.fail && !answer.ok) process.exitCode = 22;
else for await (const chunk of answer.body ?? []) process.stdout.write(chunk);

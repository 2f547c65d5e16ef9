/** Parses bytes to frames, whatever the line ends are and wherever the bytes are cut. */

import { describe, expect, it } from "vitest";
import { type Frame, readFrames } from "../../src/client/sse.ts";

const encoder = new TextEncoder();

async function frames(chunks: readonly (string | Uint8Array)[]): Promise<Frame[]> {
  async function* bytes() {
    for (const chunk of chunks) yield typeof chunk === "string" ? encoder.encode(chunk) : chunk;
  }
  const found: Frame[] = [];
  for await (const frame of readFrames(bytes())) found.push(frame);
  return found;
}
const data = async (...chunks: (string | Uint8Array)[]) => (await frames(chunks)).map((frame) => frame.data);

const STREAM = [
  "retry: 1000\n\n",
  'id: 1\ndata: {"seq":1,"text":"grüße 🚀 \u2028 x"}\n\n',
  ":\n\n",
  "event: other\nid: 2\ndata:two\ndata:  lines\n\n",
  ": a comment: with colons\ndata\ndata: \u{10ffff}\n\n",
].join("");
const FRAMES: Frame[] = [
  { data: null, isComment: false, retryMs: 1000 },
  { data: '{"seq":1,"text":"grüße 🚀 \u2028 x"}', isComment: false, retryMs: null },
  { data: null, isComment: true, retryMs: null },
  { data: "two\n lines", isComment: false, retryMs: null },
  { data: "\n\u{10ffff}", isComment: true, retryMs: null },
];

describe.each([
  ["LF", "\n"],
  ["CR LF", "\r\n"],
  ["CR", "\r"],
])("with %s", (_, end) => {
  const bytes = encoder.encode(STREAM.replaceAll("\n", end));

  it("a stream cut in two at any byte gives the same frames", async () => {
    for (let at = 0; at <= bytes.length; at++) {
      expect(await frames([bytes.slice(0, at), bytes.slice(at)])).toEqual(FRAMES);
    }
  });

  it("a stream that comes byte by byte gives the same frames", async () => {
    expect(await frames([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(FRAMES);
  });

  it("a frame is complete with its last byte", async () => {
    const { promise: never } = Promise.withResolvers<void>();
    async function* chunks() {
      yield encoder.encode(`data: x${end}${end}`);
      await never;
    }
    expect(await readFrames(chunks()).next()).toMatchObject({ value: { data: "x" } });
  });
});

describe("not a frame", () => {
  it("is one that broke off, even close to its end", async () => {
    const whole = "data: x\n\ndata: y\n\n";
    for (let at = "data: x\n\n".length; at < whole.length; at++)
      expect(await data(whole.slice(0, at))).toEqual(["x"]);
  });

  it.each([
    ["empty lines", "\n\n\n\n"],
    ["an id alone", "id: 7\n\n"],
    ["no data", "data:\n\n"],
    ["a field in the wrong case", "Data: x\n\n"],
    ["a field that does not exist", "datax: x\nfoo\n\n"],
    ["a retry that is not a number", "retry: 1e3\n\n"],
  ])("%s", async (_, text) => {
    expect(await frames([text])).toEqual([]);
  });

  it("a byte order mark is removed only at the beginning", async () => {
    expect(await data("\ufeffdata: x\n\n\ufeffdata: y\n\n", "data: \ufeffz\n\n")).toEqual(["x", "\ufeffz"]);
  });

  it("a byte that is not UTF-8 does not end the stream", async () => {
    expect(await data("data: a", Uint8Array.of(0xff), "b\n\ndata: c\n\n")).toEqual(["a\ufffdb", "c"]);
  });

  it.each([
    ["a line", "x".repeat(64 * 1024)],
    ["a frame", `data: ${"x".repeat(64 * 1024)}\n`],
  ])("%s that never ends throws before it fills the memory", async (_, piece) => {
    let sent = 0;
    async function* endless() {
      for (; sent < 1000; sent++) yield encoder.encode(piece);
    }
    await expect(readFrames(endless()).next()).rejects.toThrow(/too long/);
    expect(sent).toBeLessThan(20);
  });
});

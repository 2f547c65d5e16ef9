/**
 * A real HTTP server that plays webhook receivers, well-behaved and not. Owns inboxes, scripts and the bytes of
 * each misbehaviour; must not know the service, and must leave nothing running after close().
 *
 * `/{key}` and all below it gets requests that are noted: 1 to 64 letters, digits, `-` and `_`, not beginning with `_`.
 * `PUT /_script/{key}`, `GET /_inbox/{key}` and `GET /_open/{key}` are for the tests.
 */

import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { TestProject } from "vitest/node";
import * as z from "zod";
import type { Answer, Mode, Open, ReceivedRequest } from "./client.ts";

const INBOX_MAX = 1000;
const HUGE_BYTES = 100 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, "0123456789abcdef");
const ENDLESS_PAUSE_MS = 5;
const TRICKLE_PAUSE_MS = 200;
/** With the pause, more than 20 s. */
const TRICKLE_MIN_BYTES = 120;

/** A request that is being answered. */
interface Exchange {
  readonly key: string;
  readonly answer: Answer;
  readonly received: ReceivedRequest;
  readonly response: ServerResponse;
  readonly socket: Socket;
  /** Aborted once the answer is complete or the client has gone. */
  readonly over: AbortSignal;
}

interface Inbox {
  readonly requests: ReceivedRequest[];
  script: readonly Answer[];
  answered: number;
  /** One for each open exchange: the bytes it has sent so far. */
  readonly open: Set<() => number>;
  /** Lets a held answer go, the oldest first. */
  readonly held: (() => void)[];
  /** Of the exchanges that are over. */
  bytesSent: number;
}

/** The receiver as a test in Node holds it; over HTTP it is the same. */
export interface RunningReceiver {
  /** Origin, without a slash at the end. */
  readonly url: string;
  /** Destroys every connection, so that no hanging answer keeps the process alive. */
  readonly close: () => Promise<void>;
  inbox(key: string): readonly ReceivedRequest[];
  /** Throws where an answer can't be given as it is written. */
  script(key: string, answers: readonly Answer[]): void;
  open(key: string): Open;
}

/** Made on first use and kept: 100 MB of zeros in about 100 KB. */
let bomb: Promise<Buffer> | undefined;
function gzipBomb(): Promise<Buffer> {
  bomb ??= promisify(gzip)(Buffer.alloc(HUGE_BYTES));
  return bomb;
}

function setHead({ answer, response }: Exchange, own: Record<string, string> = {}, status = 200): void {
  response.statusCode = answer.status ?? status;
  for (const headers of [own, answer.headers ?? {}]) {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  }
}

/** Waits for the client to read before it goes on. */
async function send({ response, over }: Exchange, chunk: Buffer): Promise<void> {
  if (!response.write(chunk)) await once(response, "drain", { signal: over });
}

const ANSWERS: Readonly<Record<Mode, (exchange: Exchange) => Promise<void> | void>> = {
  answer(exchange) {
    setHead(exchange);
    exchange.response.end(exchange.answer.body ?? "ok");
  },
  /** Not one byte, for ever. */
  hang() {},
  /** The head, `body` if there is one, and then nothing for ever. */
  hang_body(exchange) {
    setHead(exchange);
    exchange.response.flushHeaders();
    if (exchange.answer.body !== undefined) exchange.response.write(exchange.answer.body);
  },
  reset({ socket }) {
    socket.resetAndDestroy();
  },
  /** Half of the promised body, then the end of the connection. */
  cut(exchange) {
    const body = Buffer.from(exchange.answer.body ?? "x".repeat(1024));
    setHead(exchange, { "Content-Length": String(body.length) });
    exchange.response.write(body.subarray(0, body.length >> 1), () => exchange.socket.destroy());
  },
  async endless(exchange) {
    setHead(exchange);
    const chunk = Buffer.from(exchange.answer.body ?? "and another thing\n");
    for (;;) {
      await send(exchange, chunk);
      await delay(ENDLESS_PAUSE_MS, undefined, { signal: exchange.over });
    }
  },
  async enormous(exchange) {
    setHead(exchange, { "Content-Length": String(HUGE_BYTES) });
    for (let sent = 0; sent < HUGE_BYTES; sent += CHUNK.length) await send(exchange, CHUNK);
    exchange.response.end();
  },
  async bomb(exchange) {
    const body = await gzipBomb();
    setHead(exchange, { "Content-Encoding": "gzip" });
    exchange.response.end(body);
  },
  bad_gzip(exchange) {
    setHead(exchange, { "Content-Encoding": "gzip" });
    exchange.response.end(exchange.answer.body ?? "this was never gzip");
  },
  not_http({ answer, socket }) {
    socket.end(answer.body ?? "SSH-2.0-OpenSSH_9.9\r\n\0\0\x01\x02 not HTTP\r\n");
  },
  /** The head byte by byte; who waits for its end gets the body, too. */
  async trickle({ answer, socket, over }) {
    const body = answer.body ?? "ok";
    const own = { "Content-Length": String(Buffer.byteLength(body)), Connection: "close" };
    const lines = Object.entries({ ...own, ...answer.headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const start = `HTTP/1.1 ${answer.status ?? 200} Slow\r\n${lines.join("")}X-Filler: `;
    for (const byte of `${start.padEnd(TRICKLE_MIN_BYTES, "x")}\r\n\r\n`) {
      socket.write(byte, "latin1");
      await delay(TRICKLE_PAUSE_MS, undefined, { signal: over });
    }
    socket.end(body);
  },
  /** The headers and body that arrived. */
  echo(exchange) {
    const { headers, body } = exchange.received;
    setHead(exchange, { "Content-Type": "application/json" });
    exchange.response.end(JSON.stringify({ headers, body }));
  },
  redirect(exchange) {
    setHead(exchange, { Location: `/${exchange.key}/elsewhere` }, 302);
    exchange.response.end(exchange.answer.body ?? "");
  },
};

const SCRIPT = z.array(
  z.strictObject({
    status: z.int().min(200).max(999).exactOptional(),
    headers: z.record(z.string(), z.string()).exactOptional(),
    body: z.string().exactOptional(),
    delayMs: z.int().min(0).max(600_000).exactOptional(),
    held: z.boolean().exactOptional(),
    mode: z.enum(Object.keys(ANSWERS) as Mode[]).exactOptional(),
  }),
);

/** A receiver on a free port of 127.0.0.1, with nothing scripted. */
export async function startReceiver(): Promise<RunningReceiver> {
  const inboxes = new Map<string, Inbox>();
  const sockets = new Set<Socket>();

  function inboxOf(key: string): Inbox {
    const inbox = inboxes.get(key) ?? {
      requests: [],
      script: [],
      answered: 0,
      open: new Set(),
      held: [],
      bytesSent: 0,
    };
    inboxes.set(key, inbox);
    return inbox;
  }

  function script(key: string, answers: unknown): void {
    const checked = SCRIPT.parse(answers);
    for (const [name, value] of checked.flatMap(({ headers }) => Object.entries(headers ?? {}))) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    Object.assign(inboxOf(key), { script: checked, answered: 0 });
  }

  function open(key: string): Open {
    const inbox = inboxOf(key);
    const bytesSent = [...inbox.open].reduce((sum, bytes) => sum + bytes(), inbox.bytesSent);
    return { open: inbox.open.size, bytesSent };
  }

  async function receive(key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const over = new AbortController();
    response.once("close", () => over.abort());
    const { socket, method = "", url: path = "", rawHeaders } = request;
    const body = await text(request);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, v]) => [name, String(v)]));
    const received = { method, path, headers, rawHeaders, body, at: Date.now() };
    const inbox = inboxOf(key);
    // The first are kept, not the last, so that what a test has counted stays where it was.
    if (inbox.requests.length < INBOX_MAX) inbox.requests.push(received);
    const answer = inbox.script[Math.min(inbox.answered++, inbox.script.length - 1)] ?? {};
    if (over.signal.aborted) return;
    // A connection may have carried other answers before this one.
    const before = socket.bytesWritten;
    const sent = () => socket.bytesWritten - before;
    inbox.open.add(sent);
    over.signal.addEventListener("abort", () => {
      inbox.open.delete(sent);
      inbox.bytesSent += sent();
    });
    // Before anything is awaited, so that whoever sees the request can release its answer.
    const released = answer.held === true && new Promise<void>((release) => inbox.held.push(release));
    await delay(answer.delayMs ?? 0, undefined, { signal: over.signal });
    await released;
    await ANSWERS[answer.mode ?? "answer"]({ key, answer, received, response, socket, over: over.signal });
  }

  async function setScript(key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      script(key, JSON.parse(await text(request)));
      response.statusCode = 204;
      response.end();
    } catch (error) {
      response.statusCode = 400;
      response.end(`This script can't be played: ${error}`);
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, control = "", key] = /^\/(_[a-z]+\/)?([a-z0-9][a-z0-9_-]{0,63})(?:[/?]|$)/i.exec(request.url ?? "") ?? [];
    if (key !== undefined) {
      if (control === "") return receive(key, request, response);
      switch (`${request.method} ${control}`) {
        case "PUT _script/":
          return setScript(key, request, response);
        case "GET _inbox/":
          response.end(JSON.stringify(inboxOf(key).requests));
          return;
        case "POST _release/": {
          const release = inboxOf(key).held.shift();
          response.statusCode = release === undefined ? 409 : 204;
          release?.();
          response.end();
          return;
        }
        case "GET _open/":
          response.end(JSON.stringify(open(key)));
          return;
      }
    }
    response.statusCode = 404;
    response.end("Send requests to /{key}, where key is 1 to 64 letters, digits, '-' and '_', the first no '_'.");
  }

  const server = createServer((request, response) => {
    // Scripts are checked when they are set: what fails is that the client has gone, as it may.
    response.on("error", () => request.socket.destroy());
    handle(request, response).catch(() => request.socket.destroy());
  });
  // Or a connection that was idle for 5 s could be reset under a request, and nobody scripted that.
  server.keepAliveTimeout = 0;
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    inbox: (key) => inboxOf(key).requests,
    script,
    open,
  };
}

/**
 * Starts one receiver for a whole run of vitest and tells the tests where it is. vitest calls this once before the
 * project's tests, and what it returns once after them.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const receiver = await startReceiver();
  project.provide("receiverUrl", receiver.url);
  return receiver.close;
}

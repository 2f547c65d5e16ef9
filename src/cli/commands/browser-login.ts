/**
 * Signs in with the browser (RFC 8252): the server's page brings a code to a port of this machine, and the command
 * changes it into a session, with a secret that it has not sent before. So a stolen code opens nothing (RFC 7636).
 *
 * A page of somebody else can also send something to the port: it must not end the wait. A server of somebody else can
 * lead the browser to the page of another one, so a code says whose it is, and goes nowhere else (RFC 9207).
 */

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ActionRunsError, type Schemas } from "../../client/index.ts";
import { createSend, unexpectedResponse } from "../../client/transport.ts";
import { CommandFailed } from "../exit.ts";
import { complain, plain } from "../output.ts";
import { type ConnectionFlags, callSettings } from "../settings.ts";

const HOST = "127.0.0.1";
const WAIT_MAX_MS = 10 * 60_000;
/** Codes that open nothing, before the command gives up. */
const WRONG_MAX = 5;
const CHARACTERS = 6;
/** RFC 4648, section 6. */
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export async function offersSignIn(url: string, flags: ConnectionFlags): Promise<boolean> {
  const asked = createSend(callSettings(flags))(new Request(`${url}/session/sign-in`));
  // The page leads on to the console, and does not exist elsewhere.
  return asked.then(
    () => false,
    (fault) => fault instanceof ActionRunsError && fault.status === 303,
  );
}

/** Waits until somebody agrees in the browser. The session's token. Throws CommandFailed, and errors of the server. */
export async function browserLogin(url: string, flags: ConnectionFlags): Promise<string> {
  if (!(await offersSignIn(url, flags))) {
    throw new CommandFailed(`Nobody can sign in with a browser at ${url}. Run login with a token.`);
  }
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const server = createServer();
  server.listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const page = `${url}/console/cli?${new URLSearchParams({ challenge, port: String(port) })}`;
  process.stderr.write(
    `Sign in with your browser, and type these characters there: ${charactersOf(challenge)}\n\n` +
      `If no browser opens, open this address on this machine:\n${page}\n\n`,
  );
  openBrowser(page);
  try {
    return await tokenFrom(server, port, ({ code, iss }) => {
      if (iss !== new URL(url).origin) throw ofAnotherServer(iss);
      return logIn(url, { code, verifier, port }, flags);
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** The first 30 bits of the challenge's SHA-256, in base32. The service compares them with what the person typed. */
function charactersOf(challenge: string): string {
  const bits = createHash("sha256").update(challenge).digest().readUInt32BE() >>> 2;
  return Array.from({ length: CHARACTERS }, (_, i) => BASE32[(bits >>> (25 - 5 * i)) & 31]).join("");
}

/** `iss`: the origin of the page that brought the code. */
type Brought = Readonly<Record<"code" | "iss", string>>;

function ofAnotherServer(iss: string): ActionRunsError {
  const sentence = `The browser brought a code of another server: ${plain(iss.slice(0, 200))}.`;
  return new ActionRunsError(sentence, { status: null, code: "sign_in_code_invalid" });
}

/** The token for the first code that the service accepts. */
function tokenFrom(server: Server, port: number, change: (brought: Brought) => Promise<string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const tooLate = () => reject(new CommandFailed("Nobody agreed in the browser within 10 minutes. Run login again."));
    const timer = setTimeout(tooLate, WAIT_MAX_MS);
    let wrong = 0;
    server.on("request", async (request, response) => {
      const brought = broughtBy(request, port);
      if (brought === null) return answer(response, 404, "There is nothing here.");
      try {
        const token = await change(brought);
        clearTimeout(timer);
        await answer(response, 200, "You are signed in on the command line. You can close this page.");
        resolve(token);
      } catch (fault) {
        await answer(response, 400, "This code does not belong to the command line that waits here. Sign in again.");
        const isWrong = fault instanceof ActionRunsError && fault.code === "sign_in_code_invalid";
        if (isWrong && ++wrong < WRONG_MAX) return complain(`${fault.message} Still waiting.`);
        clearTimeout(timer);
        reject(fault);
      }
    });
  });
}

/** What a navigation to this port brings. Null for anything else that reaches the port. */
function broughtBy({ method, headers, url }: IncomingMessage, port: number): Brought | null {
  // Another host that resolves to this machine, and scripts of other pages.
  if (method !== "GET" || headers.host !== `${HOST}:${port}`) return null;
  if ((headers["sec-fetch-mode"] ?? "navigate") !== "navigate") return null;
  const [, query] = /^\/\?(code=[A-Za-z0-9_-]{43}&iss=[^&]+)$/.exec(url ?? "") ?? [];
  const { code, iss } = Object.fromEntries(new URLSearchParams(query));
  return code === undefined || iss === undefined ? null : { code, iss };
}

async function answer(response: ServerResponse, status: number, sentence: string): Promise<void> {
  response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    Connection: "close",
  });
  response.end(`<!doctype html><html lang="en"><title>action-runs</title><p>${sentence}</p></html>\n`);
  // Also if the browser has gone.
  await Promise.race([once(response, "finish"), once(response, "close")]);
}

async function logIn(
  url: string,
  body: { readonly code: string; readonly verifier: string; readonly port: number },
  flags: ConnectionFlags,
): Promise<string> {
  const request = new Request(`${url}/session/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  // A second try would find the code used.
  const response = await createSend(callSettings(flags))(request, { isRepeatable: false });
  const { token, person } = (await response.json()) as Partial<Schemas["CommandLineSession"]>;
  if (!/^ters_[\w-]{43}$/.test(token ?? "")) throw unexpectedResponse(response, "The response has no session");
  // Another user of this machine sees the address, and could have agreed to it.
  process.stderr.write(`You are signed in as ${plain(person ?? "nobody")}.\n\n`);
  return token as string;
}

/** Starts the browser, or the program that BROWSER names. If there is none, the address was printed. */
function openBrowser(url: string): void {
  const opener: Readonly<Record<string, readonly string[]>> = {
    darwin: ["open"],
    win32: ["rundll32", "url.dll,FileProtocolHandler"],
  };
  const named = process.env.BROWSER ? [process.env.BROWSER] : opener[process.platform];
  const [program = "", ...args] = named ?? ["xdg-open"];
  const child = spawn(program, [...args, url], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}

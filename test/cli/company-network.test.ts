/** The command line in a company network: through a forward proxy, and with a certificate authority of its own. */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { explained } from "../../src/cli/exit.ts";
import { ActionRunsError } from "../../src/client/index.ts";
import { cli as cliInProcess, type Settings, start } from "./command.ts";
import { type CompanyServer, companyServer, type ForwardProxy, forwardProxy } from "./company-network.ts";
import { cli } from "./in-process.ts";
import { type BadServer, badServer, json, RUN } from "./misbehaving.ts";
import { settingsFor } from "./service.ts";

const ENDED = { ...RUN, status: "succeeded", completedAt: RUN.createdAt };
const CALLBACK = { CALLBACK_TOKEN: "a-callback-token" };

/** The last request for the events of the run. Each test sends the events as it wants. */
let stream: PromiseWithResolvers<ServerResponse>;

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.endsWith("/events")) {
    response.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders();
    stream.resolve(response);
  } else if (request.url?.endsWith("/heartbeat")) {
    json(response, 200, { status: "running", deadlineAt: RUN.createdAt, cancel: null });
  } else json(response, request.method === "POST" ? 201 : 200, ENDED);
}

let proxy: ForwardProxy;
let plain: BadServer;
let company: CompanyServer;
beforeAll(async () => {
  [proxy, plain, company] = await Promise.all([
    forwardProxy(),
    badServer(answer),
    companyServer((request, response) => void text(request).then(() => answer(request, response))),
  ]);
});
afterAll(() => Promise.all([proxy, plain, company].map((one) => one.close())));
beforeEach(() => {
  stream = Promise.withResolvers();
  proxy.refuseWith = null;
  for (const list of [proxy.lines, proxy.credentials]) list.splice(0);
});

const settings = (url: string, more: Settings = {}) => settingsFor(url, { ACTION_RUNS_REQUEST_TIMEOUT: "30", ...more });

const withUser = (url: string) => url.replace("//", "//jo%40corp:pa%3Ass@");
const authorityOf = (url: string) => new URL(url).host;

/** Follows a run whose end comes when the stream has been open for a moment. */
async function direct(url: string, more: Settings) {
  const watching = start(["watch", RUN.id, "--json"], settings(url, more));
  const response = await stream.promise;
  response.write(`data: ${JSON.stringify({ seq: 1, type: "created", at: RUN.createdAt, by: "ci" })}\n\n`);
  await watching.until(/"created"/);
  response.end(`data: ${JSON.stringify({ seq: 2, type: "ended", at: RUN.createdAt, status: "succeeded" })}\n\n`);
  return watching.ended;
}

describe("a proxy", () => {
  test("HTTPS_PROXY tunnels everything to an https server: a long stream, and its end", async () => {
    const trust = { NODE_EXTRA_CA_CERTS: company.authority };
    const ended = await direct(company.url, { ...trust, HTTPS_PROXY: withUser(proxy.url) });
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    expect(ended.stdout.trim().split("\n")).toHaveLength(2);
    expect(new Set(proxy.lines)).toEqual(new Set([`CONNECT ${authorityOf(company.url)}`]));
    expect(new Set(proxy.credentials)).toEqual(new Set(["jo@corp:pa:ss"]));
  });

  test.each([
    ["HTTP_PROXY", () => ({ HTTP_PROXY: proxy.url })],
    ["http_proxy, without a scheme", () => ({ http_proxy: authorityOf(proxy.url) })],
    ["an upper-case one if the lower-case one is empty", () => ({ http_proxy: "", HTTP_PROXY: proxy.url })],
    ["with a NO_PROXY for others", () => ({ HTTP_PROXY: proxy.url, NO_PROXY: "example.com,10.0.0.1" })],
  ])("%s passes on what goes to an http server, with its body", async (_name, variables) => {
    const before = plain.requests.length;
    const ended = await cli(["create", "deploy", "-p", "name=ж"], settings(plain.url, variables()));
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    expect(proxy.lines).toEqual([`POST ${plain.url}/acme/shop/envs/prod/action-runs`]);
    const [got] = plain.requests.slice(before);
    expect(JSON.parse(got?.body ?? "")).toEqual({ actionName: "deploy", parameters: { name: "ж" } });
    expect(got?.headers).toMatchObject({ authorization: "Bearer terr_x", host: authorityOf(plain.url) });
  });

  test.each([
    ["NO_PROXY names the host", () => ({ HTTP_PROXY: proxy.url, NO_PROXY: "example.com, 127.0.0.1" })],
    ["no_proxy is *", () => ({ HTTP_PROXY: proxy.url, no_proxy: "*" })],
    ["the variables are empty", () => ({ HTTP_PROXY: "", https_proxy: "" })],
    ["only HTTPS_PROXY is set, and the server is http", () => ({ HTTPS_PROXY: proxy.url })],
  ])("is not asked if %s", async (_why, variables) => {
    expect((await cli(["get", RUN.id], settings(plain.url, variables()))).code).toBe(0);
    expect(proxy.lines).toEqual([]);
  });

  test("ends no request by a timeout of its own, because the client has timeouts", async () => {
    const timeouts: unknown[] = [];
    const note = (message: unknown) => {
      const { request } = message as { request: { headersTimeout: unknown; bodyTimeout: unknown } };
      timeouts.push([request.headersTimeout, request.bodyTimeout]);
    };
    subscribe("undici:request:create", note);
    try {
      for (const NO_PROXY of ["", "*"]) {
        await cli(["get", RUN.id], settings(plain.url, { HTTP_PROXY: proxy.url, NO_PROXY }));
      }
    } finally {
      unsubscribe("undici:request:create", note);
    }
    expect(timeouts).toEqual(Array(2).fill([0, 0]));
  });

  test("that requires a password is named as the cause, for https and http, without a password", async () => {
    proxy.refuseWith = 407;
    const variables = { HTTP_PROXY: withUser(proxy.url), HTTPS_PROXY: withUser(proxy.url) };
    for (const url of [company.url, plain.url]) {
      const { code, stderr } = await cli(["get", RUN.id], settings(url, variables));
      expect(code).toBe(6);
      expect(stderr).toBe(
        `action-runs: No response came from ${authorityOf(url)}. The proxy requires a user and a password. ` +
          "Put them into its address, as in HTTPS_PROXY=http://USER:PASSWORD@proxy.example.com:3128. (unreachable)\n",
      );
    }
    expect(proxy.lines).toHaveLength(2);
  });

  test("that refuses a tunnel, or is not there, is named as well", async () => {
    proxy.refuseWith = 403;
    const refused = await cli(["get", RUN.id], settings(company.url, { HTTPS_PROXY: withUser(proxy.url) }));
    expect(refused.stderr).toContain("The proxy did not connect to the server (status 403).");
    const page = await cli(["get", RUN.id], settings(plain.url, { HTTP_PROXY: withUser(proxy.url) }));
    expect(page.stderr).toContain("not from the API (status 403)");
    expect(page.stderr).toContain("HTTP_PROXY names a proxy, so check the proxy too.");
    const gone = await forwardProxy();
    await gone.close();
    const lost = await cli(["get", RUN.id], settings(company.url, { HTTPS_PROXY: withUser(gone.url) }));
    expect(lost.stderr).toContain(`Nothing accepts connections at ${authorityOf(gone.url)}.`);
    expect(lost.stderr).toContain("HTTPS_PROXY names a proxy, so check the proxy too. The cause is ECONNREFUSED.");
    expect([refused.code, lost.code]).toEqual([6, 6]);
    expect(refused.stderr + lost.stderr).not.toMatch(/pa(%3A|:)ss/);
  });

  test.each(["socks5://u:secret@127.0.0.1:1", "http://", "http://u:secret%zz@127.0.0.1", "u:secret@:x"])(
    "whose address can't be used is a usage error that does not quote it: %s",
    async (HTTPS_PROXY) => {
      for (const args of [
        ["get", RUN.id],
        ["login", "--token-stdin"],
      ]) {
        const { code, stderr } = await cli(args, settings(plain.url, { HTTPS_PROXY }), "terr_x");
        expect([code, stderr]).toEqual([2, expect.stringContaining("HTTPS_PROXY is not an http or https address")]);
        expect(stderr).not.toContain("secret");
      }
    },
  );
});

describe("a certificate from an authority that nobody knows", () => {
  const ADVICE =
    "The server's certificate is from an authority that Node does not know. If you trust the authority, set " +
    "NODE_EXTRA_CA_CERTS to the path of a file with its certificate. The cause is SELF_SIGNED_CERT_IN_CHAIN.";

  test("is the cause that every command names, also through a proxy", async () => {
    for (const variables of [{}, { HTTPS_PROXY: proxy.url }]) {
      const { code, stderr } = await cli(["get", RUN.id], settings(company.url, variables));
      expect([code, stderr]).toEqual([
        6,
        `action-runs: No response came from ${authorityOf(company.url)}. ${ADVICE} (unreachable)\n`,
      ]);
    }
    expect(proxy.lines).toHaveLength(1);
  });

  test("is accepted if NODE_EXTRA_CA_CERTS names the authority; otherwise exec says the cause", async () => {
    const callback = { ...CALLBACK, CALLBACK_URL: `${company.url}/callback`, ACTION_RUNS_RETRIES: "0" };
    const trust = { NODE_EXTRA_CA_CERTS: company.authority };
    const args = ["exec", "--", process.execPath, "-e", ""];
    const [trusting, doubting] = await Promise.all(
      [trust, {}].map((one) => cliInProcess(args, { ...callback, ...one })),
    );
    expect(trusting).toMatchObject({ code: 0, stderr: "" });
    expect(doubting?.code).toBe(6);
    expect(doubting?.stderr).toContain(`The first heartbeat failed, but the command starts anyway: No response came`);
    expect(doubting?.stderr.split(ADVICE)).toHaveLength(3);
  });
});

describe("what the other causes mean", () => {
  const sentence = (
    cause: object,
    message = "No response came from x. Check the address and the network, and try again.",
  ) =>
    explained(
      new ActionRunsError(message, {
        status: null,
        code: "unreachable",
        cause: new TypeError("fetch failed", { cause: Object.assign(new Error("odd"), cause) }),
      }),
    );
  const REST = "Check the address and the network, and try again.";
  test.each([
    [{ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, /set NODE_EXTRA_CA_CERTS to .* is DEPTH_ZERO_SELF_SIGNED_CERT\.$/],
    [{ code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" }, /set NODE_EXTRA_CA_CERTS to/],
    [{ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }, /set NODE_EXTRA_CA_CERTS to/],
    [{ code: "CERT_HAS_EXPIRED" }, /not valid at this time.*clock.* The cause is CERT_HAS_EXPIRED\.$/],
    [{ code: "ERR_TLS_CERT_ALTNAME_INVALID" }, /certificate is for another name/],
    [{ code: "ENOTFOUND", hostname: "runs.corp" }, new RegExp(`The name runs\\.corp was not found\\. ${REST}`)],
    [{ code: "ECONNREFUSED", address: "::1", port: 1 }, /Nothing accepts connections at \[::1\]:1\./],
    [{ code: "ECONNRESET" }, new RegExp(`^No response came from x\\. ${REST} The cause is ECONNRESET\\.$`)],
    [{ code: 20 }, new RegExp(`^No response came from x\\. ${REST}$`)],
    [{ code: "two words" }, new RegExp(`^No response came from x\\. ${REST}$`)],
  ])("is said in the message for %j", (cause, expected) => {
    expect(sentence(cause)).toMatch(expected);
  });

  test("of several addresses that were tried, the first one is told", async () => {
    const of = (address: string) => Object.assign(new Error("no"), { code: "ECONNREFUSED", address, port: 9 });
    const all = Object.assign(new AggregateError([of("::1"), of("127.0.0.1")]), { code: "ECONNREFUSED" });
    expect(sentence({ cause: all })).toContain("at [::1]:9.");
  });

  test("a server that speaks no TLS is told apart from one that is not there", async () => {
    const https = plain.url.replace("http:", "https:");
    const { stderr } = await cli(["get", RUN.id], settings(https));
    expect(stderr).toContain("does not speak TLS there");
  });
});

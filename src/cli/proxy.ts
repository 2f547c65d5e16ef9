/**
 * The proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in upper or lower case. Node's own `fetch` obeys them only if
 * NODE_USE_ENV_PROXY is set before Node starts, which a shebang can't do, and a second process would keep the tokens of
 * `exec` readable. A proxy's address can hold a password, so no message quotes it.
 */

import type { Dispatcher, EnvHttpProxyAgent } from "undici";

/** A proxy refused to connect to the server. The status is the proxy's. */
export class ProxyRefusal extends Error {
  override readonly name = "ProxyRefusal";
  readonly status: number;

  constructor(status: number) {
    super(`the proxy answered ${status}`);
    this.status = status;
  }
}

export function proxyVariables(): readonly string[] {
  return ["HTTPS_PROXY", "HTTP_PROXY"].filter((name) => variable(name) !== "");
}

/** Undefined without a proxy, or if the runtime's own `fetch` uses it. A TypeError names the wrong variable. */
export function proxiedFetch(): typeof globalThis.fetch | undefined {
  if (proxyVariables().length === 0 || isBunOrDeno()) return undefined;
  const proxies = {
    httpProxy: address("HTTP_PROXY"),
    httpsProxy: address("HTTPS_PROXY"),
    noProxy: variable("NO_PROXY"),
  };
  let loaded: Promise<typeof globalThis.fetch> | undefined;
  return async (input, init) => {
    loaded ??= load(proxies);
    return (await loaded)(input, init);
  };
}

/** Bun replaces undici by a part of it that knows no proxy. Deno trusts DENO_CERT only in its own `fetch`. */
function isBunOrDeno(): boolean {
  return process.versions.bun !== undefined || process.versions.deno !== undefined;
}

/** An empty variable counts as missing, because CI products set those for which they have no value. */
function variable(name: string): string {
  return process.env[name.toLowerCase()] || process.env[name] || "";
}

/** The proxy's URL, or "" without one. `proxy.example.com:3128` is enough, as for curl. */
function address(name: string): string {
  const text = variable(name);
  if (text === "") return "";
  try {
    const { protocol, username, password, href } = new URL(text.includes("://") ? text : `http://${text}`);
    decodeURIComponent(username + password);
    if (/^https?:$/.test(protocol)) return href;
  } catch {
    // The message below covers this case too.
  }
  throw new TypeError(
    `${name} is not an http or https address of a proxy. Use one such as http://proxy.example.com:3128.`,
  );
}

/** Loaded only if there is a proxy, because it takes longer than the rest of the command line. */
async function load(proxies: EnvHttpProxyAgent.Options): Promise<typeof globalThis.fetch> {
  const { EnvHttpProxyAgent: Agent, fetch, Pool } = await import("undici");
  const agent = new Agent({
    ...proxies,
    // Many proxies connect only to port 443. They take other requests as they are.
    proxyTunnel: false,
    clientFactory: (origin, options) => withStatus(new Pool(origin, options)),
  });
  // The client has timers of its own. Those of undici would end a long wait.
  const dispatcher = agent.compose(
    (dispatch) => (options, handler) => dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler),
  );
  return async (input, init) => {
    // A dispatcher fits only the `fetch` of its own version, which does not know the Request of another one.
    const { url, method, headers, redirect, signal, body } = new Request(input, init);
    const text = body === null ? null : await new Response(body).text();
    const sent = { method, headers: [...headers], body: text, redirect, signal: init?.signal ?? signal };
    try {
      return (await fetch(url, { ...sent, dispatcher })) as unknown as Response;
    } catch (error) {
      throw wantsPassword(error) ? new TypeError("fetch failed", { cause: new ProxyRefusal(407) }) : error;
    }
  };
}

/** Whether a proxy answered 407 to a request that it should pass on. In undici, only the text of the error says so. */
function wantsPassword(error: unknown): boolean {
  const { cause } = error as Error;
  return cause instanceof Error && /proxy authentication required/i.test(cause.message);
}

/** A connection to a proxy that says with which status the proxy refused. By itself, undici drops the status. */
function withStatus(pool: Dispatcher): Dispatcher {
  const connect = pool.connect.bind(pool);
  return Object.assign(pool, {
    async connect(options: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> {
      const answer = await connect(options);
      if (answer.statusCode === 200) return answer;
      answer.socket.on("error", () => {}).destroy();
      throw new ProxyRefusal(answer.statusCode);
    },
  });
}

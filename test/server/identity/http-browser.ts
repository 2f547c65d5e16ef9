/** What a browser does in a sign-in, without its pages: it keeps cookies, and says who caused a request. */

import { request } from "node:http";
import { text } from "node:stream/consumers";
import { answerOfIssuer, type PeopleSite } from "./people-issuer.ts";

export interface Answer {
  readonly status: number;
  readonly location: string;
  readonly body: string;
}

/** A request with exactly these headers. `fetch` adds some of a browser's. */
export function send(
  url: string,
  {
    method = "GET",
    headers = {},
    body,
  }: { method?: string; headers?: Readonly<Record<string, string>>; body?: string } = {},
): Promise<Answer & { readonly cookies: readonly string[] }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, async (response) => {
      const { location = "", "set-cookie": cookies = [] } = response.headers;
      resolve({ status: response.statusCode ?? 0, location, body: await text(response), cookies });
    });
    // Node says the length of a body only for methods that usually have one.
    if (body !== undefined) asked.setHeader("Content-Length", Buffer.byteLength(body));
    asked.on("error", reject).end(body);
  });
}

export class HttpBrowser {
  readonly cookies = new Map<string, string>();
  readonly #site: Pick<PeopleSite, "origin">;
  #pageKey = "";

  constructor(site: Pick<PeopleSite, "origin">) {
    this.#site = site;
  }

  /** A navigation. `site`: `Sec-Fetch-Site`. */
  open(path: string, site: "same-origin" | "cross-site" = "same-origin"): Promise<Answer> {
    return this.#send(path, { headers: { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate" } });
  }

  /** A request of the service's page. `to`: another isolate of the service. */
  ask(method: string, path: string, body?: object, to = this.#site.origin): Promise<Answer> {
    const headers = {
      Origin: this.#site.origin,
      "Sec-Fetch-Site": "same-origin",
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(this.#pageKey && { "Action-Runs-Page-Key": this.#pageKey }),
    };
    return this.#send(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }, to);
  }

  /** Like `ask`. Throws if the request is refused. */
  async post<T>(path: string, body: object): Promise<T> {
    const answer = await this.ask("POST", path, body);
    if (answer.status >= 300) throw new Error(`${path} answered ${answer.status}: ${answer.body}`);
    return JSON.parse(answer.body) as T;
  }

  /** From the button to the code that the page gets. */
  async signIn(name: string): Promise<string> {
    const { location, status, body } = await this.open("/session/sign-in");
    if (location === "") throw new Error(`/session/sign-in answered ${status}: ${body}`);
    const callback = await answerOfIssuer(location, name);
    const { location: page } = await this.open(`${callback.pathname}${callback.search}`, "cross-site");
    const [, code] = /\/console\/sign-in#code=([\w-]{43})$/.exec(page) ?? [];
    if (code === undefined) throw new Error(`the callback led to ${page}`);
    return code;
  }

  /** A session with the only token that the person may open. */
  async beginSession(name: string): Promise<void> {
    const code = await this.signIn(name);
    const { tokens } = await this.post<{ tokens: { project: string; id: string }[] }>("/session/sign-in", { code });
    const [token] = tokens;
    const chosen = { code, project: token?.project, tokenId: token?.id };
    this.#pageKey = (await this.post<{ pageKey: string }>("/session", chosen)).pageKey;
  }

  async #send(path: string, init: Parameters<typeof send>[1] = {}, to = this.#site.origin): Promise<Answer> {
    const cookie = [...this.cookies].map((pair) => pair.join("=")).join("; ");
    const answer = await send(`${to}${path}`, { ...init, headers: { ...init.headers, Cookie: cookie } });
    for (const line of answer.cookies) {
      const [, key = "", value = "", rest = ""] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
      this.cookies.delete(key);
      if (!/Max-Age=0/.test(rest)) this.cookies.set(key, value);
    }
    return answer;
  }
}

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
    asked.on("error", reject).end(body);
  });
}

export class HttpBrowser {
  readonly cookies = new Map<string, string>();
  readonly #site: PeopleSite;
  #pageKey = "";

  constructor(site: PeopleSite) {
    this.#site = site;
  }

  /** A navigation. `site`: `Sec-Fetch-Site`. */
  open(path: string, site: "same-origin" | "cross-site" = "same-origin"): Promise<Answer> {
    return this.#send(path, { headers: { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate" } });
  }

  /** A request of the service's page. Throws if it is refused. */
  async post<T>(path: string, body: object): Promise<T> {
    const headers = {
      Origin: this.#site.origin,
      "Sec-Fetch-Site": "same-origin",
      "Content-Type": "application/json",
      ...(this.#pageKey && { "Action-Runs-Page-Key": this.#pageKey }),
    };
    const answer = await this.#send(path, { method: "POST", headers, body: JSON.stringify(body) });
    if (answer.status >= 300) throw new Error(`${path} answered ${answer.status}: ${answer.body}`);
    return JSON.parse(answer.body) as T;
  }

  /** From the button to the code that the page gets. */
  async signIn(name: string): Promise<string> {
    const { location } = await this.open("/session/sign-in");
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

  async #send(path: string, init: Parameters<typeof send>[1] = {}): Promise<Answer> {
    const cookie = [...this.cookies].map((pair) => pair.join("=")).join("; ");
    const answer = await send(`${this.#site.origin}${path}`, { ...init, headers: { ...init.headers, Cookie: cookie } });
    for (const line of answer.cookies) {
      const [, key = "", value = "", rest = ""] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
      this.cookies.delete(key);
      if (!/Max-Age=0/.test(rest)) this.cookies.set(key, value);
    }
    return answer;
  }
}

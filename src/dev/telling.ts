/** Prints the demo: chapters, each request and response, and the result of each check. */

export interface Request {
  readonly method: string;
  readonly url: string;
  readonly token: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface RunBody {
  readonly id: string;
  readonly actionName: string;
  readonly status: string;
  readonly code?: string;
  readonly callback?: { readonly url: string; readonly token: string };
}

export class Demo {
  #title = "";
  #checks = 0;
  readonly #failures: string[] = [];

  get checks(): number {
    return this.#checks;
  }

  get failures(): readonly string[] {
    return this.#failures;
  }

  chapter(name: string): void {
    this.#title = name;
    console.log(`\n── ${name} ──`);
  }

  check(sentence: string, holds: boolean): void {
    this.#checks++;
    console.log(`${holds ? "  ✓" : "  ✗ FAILED:"} ${sentence}`);
    if (!holds) this.#failures.push(`${this.#title}: ${sentence}`);
  }
}

export async function send<T>({ method, url, token, body, headers = {} }: Request): Promise<Answer<T>> {
  const text = body === undefined ? null : JSON.stringify(body);
  const sent = {
    Authorization: `Bearer ${token}`,
    ...headers,
    ...(text === null ? {} : { "Content-Type": "application/json" }),
  };
  console.log(`\n> ${method} ${path(url)}`);
  for (const [name, value] of Object.entries(sent)) console.log(`  ${name}: ${shorten(value)}`);
  if (text !== null) console.log(`  ${shorten(text)}`);
  const answer = await fetch(url, { method, headers: sent, body: text, redirect: "error" });
  const answered = await answer.text();
  console.log(`< ${answer.status} ${answer.statusText}`);
  for (const name of ["Location", "Link", "Idempotent-Replayed", "WWW-Authenticate"]) {
    const value = answer.headers.get(name);
    if (value !== null) console.log(`  ${name}: ${path(value)}`);
  }
  const parsed: T = JSON.parse(answered);
  console.log(indent(shorten(Array.isArray(parsed) ? summary(parsed) : JSON.stringify(parsed, null, 2))));
  return { status: answer.status, headers: answer.headers, body: parsed };
}

/** A list in short, because each run was shown in full when it was created. */
function summary(runs: readonly RunBody[]): string {
  const lines = runs.map(({ id, actionName, status }) => `  { ${id} ${actionName} ${status} … }`);
  return ["[", ...lines, "]"].join("\n");
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

/** URLs without the origin, which is the same for all. */
function path(text: string): string {
  return text.replace(/http:\/\/localhost:\d+/, "");
}

/** Shortens tokens to their ends, so that they can be told apart but not used. */
export function shorten(text: string): string {
  return text
    .replace(/[0-9a-f-]{36}:\d{13}:[0-9a-f]{60}([0-9a-f]{4})/g, "…$1")
    .replace(/root_[0-9a-f]{60}/g, "root_…")
    .replace(/terr_[A-Za-z0-9_-]{43}/g, "terr_…")
    .replace(/whsec_[A-Za-z0-9+/=]+/g, "whsec_…");
}

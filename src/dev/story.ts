/** What `npm run demo` plays: each request and answer, readably, and whether they are as the README tells it. */

const RUNS = "/acme/shop/envs/prod/action-runs";

interface RunBody {
  readonly id: string;
  readonly actionName: string;
  readonly status: string;
  readonly code?: string;
  readonly callback?: { readonly url: string; readonly token: string };
}

interface Request {
  readonly method: string;
  readonly url: string;
  readonly token: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Story {
  readonly checks: number;
  readonly failures: readonly string[];
}

export async function tellStory(origin: string, rootToken: string): Promise<Story> {
  let title = "";
  let checks = 0;
  const failures: string[] = [];

  function chapter(name: string): void {
    title = name;
    console.log(`\n── ${name} ──`);
  }
  function check(sentence: string, holds: boolean): void {
    checks++;
    console.log(`${holds ? "  ✓" : "  ✗ NOT AS TOLD:"} ${sentence}`);
    if (!holds) failures.push(`${title}: ${sentence}`);
  }
  const asRoot = (method: string, url: string, body?: unknown) =>
    send<RunBody>({ method, url, token: rootToken, body });
  const runs = `${origin}${RUNS}`;
  const done = { status: "succeeded", output: { url: "https://shop.example" } };
  const key = { "Idempotency-Key": "ci-job-42" };

  console.log(`Addresses below begin with ${origin}`);
  chapter("Create a run");
  const created = await asRoot("POST", runs, { actionName: "deploy", parameters: { version: "1.2.3" } });
  const { id } = created.body;
  const { url = runs, token = "" } = created.body.callback ?? {};
  check("201, the run is pending", created.status === 201 && created.body.status === "pending");
  check("a callback URL and token for its workflow", url === `${runs}/${id}/callback` && token !== "");

  chapter("The workflow reports success");
  const reported = await send<RunBody>({ method: "POST", url, token, body: done, headers: key });
  check("200, the run has succeeded", reported.status === 200 && reported.body.status === "succeeded");

  chapter("The same callback again");
  const again = await send<RunBody>({ method: "POST", url, token, body: done });
  check("409 that names what happened", again.status === 409 && again.body.code === "run_succeeded");

  chapter("The same callback again with its Idempotency-Key, as after a lost answer");
  const replayed = await send<RunBody>({ method: "POST", url, token, body: done, headers: key });
  check("200 with the stored run", JSON.stringify(replayed.body) === JSON.stringify(reported.body));
  check(
    "marked as a replay",
    replayed.status === 200 && replayed.headers.get("Idempotent-Replayed") === "true",
  );

  chapter("Cancel another run");
  const other = await asRoot("POST", runs, { actionName: "deploy" });
  const cancelled = await asRoot("DELETE", `${runs}/${other.body.id}`);
  check("200, cancelled", cancelled.status === 200 && cancelled.body.status === "cancelled");
  const tooLate = await send<RunBody>({
    method: "POST",
    url: other.body.callback?.url ?? runs,
    token: other.body.callback?.token ?? "",
    body: done,
  });
  check("its workflow comes too late: 409", tooLate.status === 409 && tooLate.body.code === "run_cancelled");

  chapter("Somebody forges a token");
  const third = await asRoot("POST", runs, { actionName: "deploy" });
  const { url: thirdUrl = runs, token: thirdToken = "" } = third.body.callback ?? {};
  const forged = await send<RunBody>({ method: "POST", url: thirdUrl, token: forge(thirdToken), body: done });
  check("401", forged.status === 401 && forged.body.code === "token_invalid");
  const untouched = await asRoot("GET", `${runs}/${third.body.id}`);
  check("and the run is still pending", untouched.body.status === "pending");

  chapter("List the runs, two to a page");
  const ids = [id, other.body.id, third.body.id];
  for (let n = 0; n < 2; n++) ids.push((await asRoot("POST", runs, { actionName: `backup-${n}` })).body.id);
  const seen: string[] = [];
  let pages = 0;
  for (let next: string | undefined = `${runs}?limit=2`; next !== undefined && pages < 5; pages++) {
    const page: Answer<RunBody[]> = await send({ method: "GET", url: next, token: rootToken });
    if (page.status !== 200) break;
    seen.push(...page.body.map((run) => run.id));
    next = /^<(.+)>; rel="next"$/.exec(page.headers.get("Link") ?? "")?.[1];
  }
  check(
    `${ids.length} runs on 3 pages, each once`,
    pages === 3 && seen.toSorted().join() === ids.toSorted().join(),
  );
  check("the newest first", seen.join() === seen.toSorted().reverse().join());
  return { checks, failures };
}

/** Another last digit: well-formed, and not signed by anyone. */
function forge(token: string): string {
  return `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
}

async function send<T>({ method, url, token, body, headers = {} }: Request): Promise<Answer<T>> {
  const text = body === undefined ? null : JSON.stringify(body);
  const sent = {
    Authorization: `Bearer ${token}`,
    ...headers,
    ...(text === null ? {} : { "Content-Type": "application/json" }),
  };
  console.log(`\n> ${method} ${path(url)}`);
  for (const [name, value] of Object.entries(sent)) console.log(`  ${name}: ${shorten(value)}`);
  if (text !== null) console.log(`  ${shorten(text)}`);
  const answer = await fetch(url, { method, headers: sent, body: text });
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

/** A list's runs by what tells them apart: one was shown whole when it was made. */
function summary(runs: readonly RunBody[]): string {
  const lines = runs.map(({ id, actionName, status }) => `  { ${id} ${actionName} ${status} … }`);
  return ["[", ...lines, "]"].join("\n");
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

/** Addresses without the origin, which is the same in all. */
function path(text: string): string {
  return text.replace(/http:\/\/localhost:\d+/, "");
}

/** Tokens by their ends, so that they can be told apart and not be used. */
function shorten(text: string): string {
  return text
    .replace(/[0-9a-f-]{36}:\d{13}:[0-9a-f]{60}([0-9a-f]{4})/g, "…$1")
    .replace(/root_[0-9a-f]{60}/g, "root_…");
}

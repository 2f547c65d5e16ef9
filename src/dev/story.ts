/** What `npm run demo` plays first: a run's life without a trigger, and whether it goes as the README tells it. */

import { type Answer, type RunBody, send, type Telling } from "./telling.ts";

export const RUNS = "/acme/shop/envs/prod/action-runs";

export async function tellStory(telling: Telling, origin: string, rootToken: string): Promise<void> {
  const asRoot = (method: string, url: string, body?: unknown) =>
    send<RunBody>({ method, url, token: rootToken, body });
  const runs = `${origin}${RUNS}`;
  const done = { status: "succeeded", output: { url: "https://shop.example" } };
  const key = { "Idempotency-Key": "ci-job-42" };

  console.log(`Addresses below begin with ${origin}`);
  telling.chapter("Create a run");
  const created = await asRoot("POST", runs, { actionName: "deploy", parameters: { version: "1.2.3" } });
  const { id } = created.body;
  const { url = runs, token = "" } = created.body.callback ?? {};
  telling.check("201, the run is pending", created.status === 201 && created.body.status === "pending");
  telling.check(
    "a callback URL and token for its workflow",
    url === `${runs}/${id}/callback` && token !== "",
  );

  telling.chapter("The workflow reports success");
  const reported = await send<RunBody>({ method: "POST", url, token, body: done, headers: key });
  telling.check(
    "200, the run has succeeded",
    reported.status === 200 && reported.body.status === "succeeded",
  );

  telling.chapter("The same callback again");
  const again = await send<RunBody>({ method: "POST", url, token, body: done });
  telling.check("409 that names what happened", again.status === 409 && again.body.code === "run_succeeded");

  telling.chapter("The same callback again with its Idempotency-Key, as after a lost answer");
  const replayed = await send<RunBody>({ method: "POST", url, token, body: done, headers: key });
  telling.check("200 with the stored run", JSON.stringify(replayed.body) === JSON.stringify(reported.body));
  telling.check(
    "marked as a replay",
    replayed.status === 200 && replayed.headers.get("Idempotent-Replayed") === "true",
  );

  telling.chapter("Cancel another run");
  const other = await asRoot("POST", runs, { actionName: "deploy" });
  const cancelled = await asRoot("DELETE", `${runs}/${other.body.id}`);
  telling.check("200, cancelled", cancelled.status === 200 && cancelled.body.status === "cancelled");
  const tooLate = await send<RunBody>({
    method: "POST",
    url: other.body.callback?.url ?? runs,
    token: other.body.callback?.token ?? "",
    body: done,
  });
  telling.check(
    "its workflow comes too late: 409",
    tooLate.status === 409 && tooLate.body.code === "run_cancelled",
  );

  telling.chapter("Somebody forges a token");
  const third = await asRoot("POST", runs, { actionName: "deploy" });
  const { url: thirdUrl = runs, token: thirdToken = "" } = third.body.callback ?? {};
  const forged = await send<RunBody>({ method: "POST", url: thirdUrl, token: forge(thirdToken), body: done });
  telling.check("401", forged.status === 401 && forged.body.code === "token_invalid");
  const untouched = await asRoot("GET", `${runs}/${third.body.id}`);
  telling.check("and the run is still pending", untouched.body.status === "pending");

  telling.chapter("List the runs, two to a page");
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
  telling.check(
    `${ids.length} runs on 3 pages, each once`,
    pages === 3 && seen.toSorted().join() === ids.toSorted().join(),
  );
  telling.check("the newest first", seen.join() === seen.toSorted().reverse().join());
}

/** Another last digit: well-formed, and not signed by anyone. */
function forge(token: string): string {
  return `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
}

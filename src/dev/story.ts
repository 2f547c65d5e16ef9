/** The first part of `npm run demo`: the life of runs without a trigger, checked against what the README promises. */

import { EXAMPLE_RUNS } from "./example-place.ts";
import { type Answer, type Demo, type RunBody, send } from "./telling.ts";

export async function showRuns(demo: Demo, origin: string, rootToken: string): Promise<void> {
  const asRoot = (method: string, url: string, body?: unknown) =>
    send<RunBody>({ method, url, token: rootToken, body });
  const runs = `${origin}${EXAMPLE_RUNS}`;
  const done = { status: "succeeded", output: { url: "https://shop.example" } };
  const key = { "Idempotency-Key": "ci-job-42" };

  console.log(`All paths below are on ${origin}`);
  demo.chapter("Create a run");
  const created = await asRoot("POST", runs, { actionName: "deploy", parameters: { version: "1.2.3" } });
  const { id } = created.body;
  const { url = runs, token = "" } = created.body.callback ?? {};
  demo.check("201: the run is pending", created.status === 201 && created.body.status === "pending");
  demo.check(
    "the response has a callback URL and token for the workflow",
    url === `${runs}/${id}/callback` && token !== "",
  );

  demo.chapter("The workflow reports success");
  const reported = await send<RunBody>({ method: "POST", url, token, body: done, headers: key });
  demo.check("200: the run succeeded", reported.status === 200 && reported.body.status === "succeeded");

  demo.chapter("Send the same report again");
  const again = await send<RunBody>({ method: "POST", url, token, body: done });
  demo.check(
    "409: the code says that the run already succeeded",
    again.status === 409 && again.body.code === "run_succeeded",
  );

  demo.chapter("Send it again with its Idempotency-Key, as after a lost response");
  const replayed = await send<RunBody>({ method: "POST", url, token, body: done, headers: key });
  demo.check("200: the same run as before", JSON.stringify(replayed.body) === JSON.stringify(reported.body));
  demo.check(
    "the response is marked as a replay",
    replayed.status === 200 && replayed.headers.get("Idempotent-Replayed") === "true",
  );

  demo.chapter("Cancel another run");
  const other = await asRoot("POST", runs, { actionName: "deploy" });
  const cancelled = await asRoot("DELETE", `${runs}/${other.body.id}`);
  demo.check("200: the run is cancelled", cancelled.status === 200 && cancelled.body.status === "cancelled");
  const tooLate = await send<RunBody>({
    method: "POST",
    url: other.body.callback?.url ?? runs,
    token: other.body.callback?.token ?? "",
    body: done,
  });
  demo.check(
    "409: a report of its workflow comes too late",
    tooLate.status === 409 && tooLate.body.code === "run_cancelled",
  );

  demo.chapter("Report with a forged token");
  const third = await asRoot("POST", runs, { actionName: "deploy" });
  const { url: thirdUrl = runs, token: thirdToken = "" } = third.body.callback ?? {};
  const forged = await send<RunBody>({ method: "POST", url: thirdUrl, token: forge(thirdToken), body: done });
  demo.check("401: the token is refused", forged.status === 401 && forged.body.code === "token_invalid");
  const untouched = await asRoot("GET", `${runs}/${third.body.id}`);
  demo.check("the run is still pending", untouched.body.status === "pending");

  demo.chapter("List the runs, two per page");
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
  demo.check(
    `3 pages show ${ids.length} runs, each once`,
    pages === 3 && seen.toSorted().join() === ids.toSorted().join(),
  );
  demo.check("the newest run comes first", seen.join() === seen.toSorted().reverse().join());
}

/** Changes the last digit: the token has the right format, but a wrong signature. */
function forge(token: string): string {
  return `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
}

/** A job gets the run's callback token for a proof of its product, if the receiver's response named its execution. */

import { beforeEach, describe, expect, it } from "vitest";
import { get as getAction, newActionsPath, put, run as runAction, runsOf } from "../actions/actions.ts";
import { until } from "../support/direct.ts";
import type { Receiver, Answer as ReceiverAnswer } from "../support/receiver/client.ts";
import { type ActionRun, type Answer, ask, type CreatedRun, type Schemas } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { newAddress, type Refusal } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, type Fired, fired, ORIGIN } from "../webhooks/runs.ts";
import { newIssuer, type SigningIssuer } from "./issuer.ts";

await useSettings("development");

const GITHUB = "https://token.actions.githubusercontent.com";
const GITLAB = "https://gitlab.example";
let github: SigningIssuer;
let gitlab: SigningIssuer;

beforeEach(async () => {
  github ??= await newIssuer(GITHUB);
  gitlab ??= await newIssuer(GITLAB, "gitlab-1");
  changed.OIDC_ISSUERS = JSON.stringify([
    { issuer: GITHUB, kind: "github", jwks: github.jwks },
    { issuer: GITLAB, kind: "gitlab", jwks: gitlab.jwks },
    { issuer: "https://buildkite.example", kind: "buildkite", jwks: github.jwks },
  ]);
});

const REPORTER = {
  issuer: GITHUB,
  claims: { repository_id: "74", environment: "production" },
  execution: "{{ response.workflow_run_id }}",
};
const JOB = { sub: "repo:acme/shop", repository_id: "74", environment: "production", run_id: "9001", run_attempt: "1" };

interface Started extends Fired {
  readonly url: string;
  readonly receiver: Receiver;
}

/** A run of an action with a reporter, whose receiver answers so. */
async function started(answer: ReceiverAnswer, reporter: object | undefined = REPORTER): Promise<Started> {
  const receiver = await answering(answer);
  const path = `${newActionsPath()}/deploy`;
  const trigger = { type: "webhook", url: receiver.url, payload: { url: "{{ run.callbackUrl }}" } };
  expect((await put(ORIGIN + path, { trigger, ...(reporter && { reporter }) })).status).toBe(201);
  const { body } = await runAction(ORIGIN + path);
  const run = fired(runsOf(path.replace(/\/deploy$/, "")), {
    ...body,
    callback: { token: "" },
  } as unknown as CreatedRun);
  return { ...run, receiver, url: `${ORIGIN}${run.path}/${run.created.id}/callback` };
}

const answered = (body: object): ReceiverAnswer => ({ status: 200, body: JSON.stringify(body) });
const STARTED = answered({ workflow_run_id: 9001 });

async function startedAndAnswered(body: object = { workflow_run_id: 9001 }, reporter?: object): Promise<Started> {
  const run = await started(answered(body), reporter);
  await run.untilStatus("running");
  return run;
}

type Grant = Answer<{ readonly callbackToken: string; readonly expiresAt: string } & Partial<Refusal>>;

async function exchange(run: Started, claims: object = {}, issuer = github): Promise<Grant> {
  const proof = await issuer.sign({ aud: run.url, ...JOB, ...claims });
  return ask("POST", `${run.url}/token`, { token: null, body: { proof } });
}

it("the job of the execution that the receiver named reports its run without a secret", async () => {
  const run = await startedAndAnswered();
  const [request] = await run.receiver.untilInbox(1);
  expect(JSON.parse(request?.body ?? "")).toEqual({ url: run.url });
  const { status, body } = await exchange(run);
  expect(status).toBe(200);
  const details = await ask<ActionRun>("GET", `${ORIGIN}${run.path}/${run.created.id}?include=details`);
  expect(details.body.status).toBe("running");
  const report = await ask<ActionRun>("POST", run.url, { token: body.callbackToken, body: { status: "succeeded" } });
  expect(report.body.status).toBe("succeeded");
  expect(await run.story()).toEqual([
    ...["created", "attempt_started", "attempt_answered", "started", "token_issued", "ended"],
  ]);
});

it("the token ends with the run", async () => {
  const run = await startedAndAnswered();
  const { body } = await exchange(run);
  const [, expiresAt] = body.callbackToken.split(":");
  expect(new Date(Number(expiresAt)).toISOString()).toBe(body.expiresAt);
  expect(Date.parse(body.expiresAt) - Date.parse(run.created.createdAt)).toBe(3_600_000);
});

describe("a proof gets no token", () => {
  it.each<[string, object, number, string, string]>([
    ["of another execution", { run_id: "9002" }, 403, "another_execution", "another execution"],
    ["without an execution", { run_id: undefined }, 403, "another_execution", "another execution"],
    [
      "of another repository",
      { repository_id: "another-one" },
      403,
      "trust_unmet",
      "does not accept the proof. Compare",
    ],
    ["of another environment", { environment: "staging" }, 403, "trust_unmet", "the claim environment differs"],
    ["for another run's URL", { aud: "https://runs.example/acme" }, 401, "proof_invalid", "audience"],
    ["that has expired", { exp: 1 }, 401, "proof_invalid", "expired"],
  ])("%s", async (_, claims, status, code, words) => {
    const run = await startedAndAnswered();
    const refused = await exchange(run, claims);
    expect(refused).toMatchObject({ status, body: { code } });
    expect(refused.body.error).toContain(words);
    expect(refused.body.error).not.toContain("another-one");
  });

  it("of another trusted issuer", async () => {
    const run = await startedAndAnswered();
    const refused = await exchange(run, { project_id: "1", pipeline_id: "9001" }, gitlab);
    expect(refused).toMatchObject({ status: 403, body: { code: "trust_unmet" } });
  });

  it("of a run whose action names no reporter", async () => {
    const receiver = await answering(STARTED);
    const path = `${newActionsPath()}/deploy`;
    await put(ORIGIN + path, { trigger: { type: "webhook", url: receiver.url } });
    const { body } = await runAction(ORIGIN + path);
    const run = fired(runsOf(path.replace(/\/deploy$/, "")), {
      ...body,
      callback: { token: "" },
    } as unknown as CreatedRun);
    await run.untilStatus("running");
    const url = `${ORIGIN}${run.path}/${run.created.id}/callback`;
    expect(await exchange({ ...run, receiver, url })).toMatchObject({ status: 403, body: { code: "trust_unmet" } });
  });

  it("if the receiver's response names no execution", async () => {
    const run = await startedAndAnswered({});
    const { status, body } = await exchange(run);
    expect([status, body.code]).toEqual([403, "another_execution"]);
    expect(body.error).toMatch(/^The receiver's response to the trigger named no execution/);
  });

  it("without keys, and is told that the service lacks them", async () => {
    const run = await startedAndAnswered();
    changed.CALLBACK_SIGNING_KEYS = "short";
    expect(await exchange(run)).toMatchObject({ status: 503, body: { code: "not_configured" } });
  });

  it("of another execution, and is charged as a guess", async () => {
    const run = await startedAndAnswered();
    const proof = await github.sign({ aud: run.url, ...JOB, run_id: "9002" });
    const headers = { "CF-Connecting-IP": newAddress() };
    const status = async () =>
      (await ask("POST", `${run.url}/token`, { token: null, headers, body: { proof } })).status;
    let tries = 0;
    // wrangler.toml allows 60 a minute, and the minute can change meanwhile.
    while (tries < 150 && (await status()) !== 429) tries++;
    expect([tries >= 60, tries < 150]).toEqual([true, true]);
  });

  it("of a run that does not exist", async () => {
    const run = await startedAndAnswered();
    const url = run.url.replace(run.created.id, "01890a5d-ac96-774b-bcce-b302099a8057");
    expect(await exchange({ ...run, url })).toMatchObject({ status: 404, body: { code: "run_not_found" } });
  });

  it("without OIDC_ISSUERS, as if the endpoint did not exist", async () => {
    const run = await startedAndAnswered();
    changed.OIDC_ISSUERS = "";
    expect(await exchange(run)).toMatchObject({ status: 404, body: { code: "not_found" } });
  });
});

it("a job that is faster than the response waits for it", async () => {
  const run = await started({ ...STARTED, held: true });
  await run.receiver.untilInbox(1);
  const early = await exchange(run);
  expect(early).toMatchObject({ status: 503, body: { code: "trigger_unanswered" } });
  expect(early.headers.get("Retry-After")).toBe("2");
  await run.receiver.release();
  await run.untilStatus("running");
  expect((await exchange(run)).status).toBe(200);
});

it("another execution is told in the timeline, once", async () => {
  const run = await startedAndAnswered();
  await exchange(run, { run_id: "9002" });
  await exchange(run, { run_id: "9002" });
  const told = (await run.timeline()).filter(({ type }) => type === "token_refused");
  expect(told).toMatchObject([{ execution: "9002", attempt: "1" }]);
});

it("a job can't fill the timeline with proofs", async () => {
  const run = await startedAndAnswered();
  for (let n = 0; n < 25; n++) await exchange(run, { run_id: `other-${n}` });
  expect((await run.timeline()).filter(({ type }) => type === "token_refused")).toHaveLength(20);
});

it("a re-run reports while the run is open, and the timeline says which attempt it is", async () => {
  const run = await startedAndAnswered();
  await exchange(run);
  expect((await exchange(run, { run_attempt: "2" })).status).toBe(200);
  const told = (await run.timeline()).filter(({ type }) => type === "token_issued");
  expect(told).toMatchObject([{ attempt: "1" }, { attempt: "2" }].map((one) => ({ execution: "9001", ...one })));
});

it("a re-run of a run that has ended gets no token, so that it deploys nothing", async () => {
  const run = await startedAndAnswered();
  const { body } = await exchange(run);
  await ask("POST", run.url, { token: body.callbackToken, body: { status: "failed", error: "no" } });
  expect(await exchange(run, { run_attempt: "2" })).toMatchObject({ status: 409, body: { code: "run_failed" } });
});

it("a job of another repository learns nothing of a run whose URL it knows, also not how it ended", async () => {
  const run = await startedAndAnswered();
  const another = { repository_id: "another-one" };
  const open = await exchange(run, another);
  const { body } = await exchange(run);
  await ask("POST", run.url, { token: body.callbackToken, body: { status: "failed", error: "no" } });
  const ended = await exchange(run, another);
  expect([ended.status, ended.body]).toEqual([403, open.body]);
});

it("a trigger that also sends the callback token keeps working", async () => {
  const receiver = await answering(STARTED);
  const path = `${newActionsPath()}/deploy`;
  await put(ORIGIN + path, { trigger: { type: "webhook", url: receiver.url }, reporter: REPORTER });
  const { body } = await runAction(ORIGIN + path);
  const [request] = await receiver.untilInbox(1);
  const { run } = JSON.parse(request?.body ?? "") as { run: { callbackUrl: string; callbackToken: string } };
  await until(
    async () =>
      (await ask<ActionRun>("GET", `${ORIGIN}${runsOf(path.replace(/\/deploy$/, ""))}/${body.id}`)).body.status ===
      "running",
  );
  const report = { token: run.callbackToken, body: { status: "succeeded" } };
  expect((await ask("POST", run.callbackUrl, report)).status).toBe(200);
});

it("the response also names the job's page, and the execution stays", async () => {
  const receiver = await answering(answered({ workflow_run_id: 9001, html_url: "https://ci.example/runs/9001" }));
  const path = `${newActionsPath()}/deploy`;
  const trigger = { type: "webhook", url: receiver.url, payload: {}, link: "{{ response.html_url }}" };
  await put(ORIGIN + path, { trigger, reporter: REPORTER });
  const { body } = await runAction(ORIGIN + path);
  const runs = runsOf(path.replace(/\/deploy$/, ""));
  const run = fired(runs, { ...body, callback: { token: "" } } as unknown as CreatedRun);
  await run.untilStatus("running");
  const linked = await ask<Schemas["DetailedActionRun"]>("GET", `${ORIGIN}${runs}/${body.id}?include=details`);
  expect(linked.body.details?.externalUrl).toBe("https://ci.example/runs/9001");
  expect((await exchange({ ...run, receiver, url: `${ORIGIN}${runs}/${body.id}/callback` })).status).toBe(200);
});

it("the job of a retried run reports, too", async () => {
  const first = await startedAndAnswered();
  const { body } = await exchange(first);
  await ask("POST", first.url, { token: body.callbackToken, body: { status: "failed", error: "no" } });
  const runs = ORIGIN + first.path;
  const { body: retried } = await ask<CreatedRun>("POST", `${runs}/${first.created.id}/retry`, { body: {} });
  const run = fired(first.path, { ...retried, callback: { token: "" } } as unknown as CreatedRun);
  await run.untilStatus("running");
  const url = `${runs}/${retried.id}/callback`;
  expect((await exchange({ ...run, receiver: first.receiver, url })).status).toBe(200);
});

it("GitLab's pipeline is the execution", async () => {
  const reporter = { issuer: GITLAB, claims: { project_id: "22" }, execution: "{{ response.id }}" };
  const run = await startedAndAnswered({ id: 777 }, reporter);
  const claims = { project_id: "22", pipeline_id: "777", run_id: undefined };
  expect((await exchange(run, { ...claims, pipeline_id: "778" }, gitlab)).body.code).toBe("another_execution");
  expect((await exchange(run, claims, gitlab)).status).toBe(200);
});

describe("a reporter is refused", () => {
  it.each<[string, object, string, string]>([
    ["with an issuer of nobody", { issuer: "https://ci.example" }, "issuer_unknown", "/reporter/issuer"],
    ["without an anchor", { claims: { environment: "production" } }, "invalid_body", "/reporter/claims"],
    [
      "of a product without executions",
      { issuer: "https://buildkite.example", claims: { pipeline_slug: "a", organization_slug: "b" } },
      "invalid_body",
      "/reporter/issuer",
    ],
    [
      "that names an input as the execution",
      { execution: "{{ parameters.run }}" },
      "invalid_body",
      "/reporter/execution",
    ],
    ["whose execution is fixed", { execution: "9001" }, "invalid_body", "/reporter/execution"],
  ])("%s", async (_, more, code, pointer) => {
    const path = `${ORIGIN}${newActionsPath()}/deploy`;
    const body = { trigger: { type: "webhook", url: "https://ci.example.com" }, reporter: { ...REPORTER, ...more } };
    expect(await put(path, body)).toMatchObject({ status: 400, body: { code, pointer } });
  });

  it("without a trigger", async () => {
    const refused = await put(`${ORIGIN}${newActionsPath()}/deploy`, { reporter: REPORTER });
    expect(refused).toMatchObject({ status: 422, body: { code: "trigger_required", pointer: "/reporter" } });
  });

  it("and is shown as it was stored", async () => {
    const path = `${ORIGIN}${newActionsPath()}/deploy`;
    await put(path, { trigger: { type: "webhook", url: "https://ci.example.com" }, reporter: REPORTER });
    expect((await getAction(path)).body.reporter).toEqual(REPORTER);
  });
});

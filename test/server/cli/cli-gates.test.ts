/**
 * Three deploys of one service from the command line, on the real server: a second person approves them, they take turns,
 * and nothing starts over lunch. The story is played once, and each test checks a part of the outcome.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { jobOf, type Settings, start } from "../../cli/command.ts";
import { cli, cliJson as json } from "../../cli/in-process.ts";
import { settingsFor } from "../../cli/service.ts";
import type { ReceivedRequest } from "../../support/receiver/client.ts";
import { type RunningReceiver, startReceiver } from "../../support/receiver/server.ts";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";

const ORG = "of-cli-gates-test";
const shared = sharedServer(ORG);
const root = settingsFor(shared.origin, { ACTION_RUNS_TOKEN: shared.token, ACTION_RUNS_ORG: ORG });

interface Run {
  readonly id: string;
  readonly status: string;
  readonly details: {
    readonly waiting: Record<string, unknown> | null;
    readonly approval: Record<string, unknown> | null;
  };
}

let receiver: RunningReceiver;
let story: Awaited<ReturnType<typeof play>>;
beforeAll(async () => {
  receiver = await startReceiver();
  story = await play();
});
afterAll(() => receiver.close());

/** The settings of a person with their own token. */
async function person(name: string, ...flags: readonly string[]): Promise<Settings> {
  const args = ["token", "create", `${name}-token`, "--role", "member", "--person", name, ...flags];
  return { ...root, ACTION_RUNS_TOKEN: (await json<{ token: string }>(args, root)).token };
}

const callbackIn = ({ body }: ReceivedRequest) => ({ callback: JSON.parse(body) });

async function play() {
  const bo = await person("bo");
  const ada = await person("ada", "--may-approve");
  const definition = {
    trigger: {
      type: "webhook",
      url: `${receiver.url}/deploy`,
      headers: { Authorization: "Bearer the-header-secret" },
      payload: { url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" },
    },
    approval: {},
    concurrency: { group: "deploys", key: "{{ parameters.service }}" },
  };
  await json(["action", "put", "deploy", "--body", JSON.stringify(definition)], root);
  const started = () => receiver.inbox("deploy");
  const details = (id: string) => json<Run>(["get", id, "--details"], bo).then((run) => run.details);

  const deploy = ["action", "run", "deploy", "-p", "service=shop"];
  const first = await json<Run>(deploy, bo);
  const watched = start([...deploy, "--wait", "--no-json"], bo);
  await watched.until(/waiting +for approval/);
  const [{ id }] = await json<[Run]>(["list", "--waiting", "approval", "-n", "1"], bo);
  const second = { id };
  const third = await json<Run>([...deploy, "--gate-timeout", "60"], bo);
  const own = [
    await cli(["approve", first.id, "--yes"], bo),
    await cli(["approve", first.id, "--yes"], ada),
    await cli(["approve", first.id], ada),
  ];
  await until("the first deploy starts", () => started().length === 1);

  const approved = await json<Run>(["approve", second.id, "--yes", "--reason", "tested"], ada);
  const inLine = await details(second.id);
  const groups = await json(["group", "list"], bo);
  const paused = await json(["pause", "deploys", "--reason", "lunch", "--until", "+1h"], root);
  const job = jobOf(callbackIn(started()[0] as ReceivedRequest));
  await json(["report", "succeeded"], job);
  const overLunch = await details(second.id);
  const startedOverLunch = started().length;
  await json(["resume", "deploys"], root);
  await until("the second deploy starts", () => started().length === 2);
  const early = await cli(["resume", "deploys"], root);
  await json(["report", "succeeded"], jobOf(callbackIn(started()[1] as ReceivedRequest)));

  const rejected = await json<Run>(["reject", third.id, "--reason", "not today"], ada);
  const late = await cli(["approve", third.id, "--yes"], ada);
  const end = await cli(["get", third.id, "--wait"], bo);
  return {
    first,
    second,
    third,
    own,
    approved,
    inLine,
    groups,
    paused,
    overLunch,
    startedOverLunch,
    early,
    rejected,
    late,
    end,
    watched: await watched.ended,
    requests: started(),
  };
}

test("who may not approve is not allowed to, and a second person is; without a terminal it needs --yes", () => {
  const [creator, second, unasked] = story.own;
  expect(creator).toMatchObject({ code: 3, stderr: expect.stringContaining("may_not_approve") });
  expect(second).toMatchObject({ code: 0, stderr: "" });
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining("use --yes") });
});

test("the second deploy waits behind the first one, then for the end of the pause, and starts after it", () => {
  const { first, second, approved, inLine, overLunch, startedOverLunch, groups, paused, early } = story;
  expect(approved.details).toMatchObject({
    waiting: { for: "concurrency", group: "deploys", key: "shop" },
    approval: { required: 1, approvals: [{ by: "ada", via: "ada-token", reason: "tested" }] },
  });
  expect(inLine.waiting).toMatchObject({ position: 1, behind: [first.id] });
  expect(groups).toMatchObject([{ group: "deploys", key: "shop", limit: 1, holders: 1, waiters: 1 }]);
  expect(paused).toMatchObject({ group: "deploys", reason: "lunch", by: "root" });
  expect(overLunch.waiting).toMatchObject({ for: "pause", reason: "lunch" });
  expect(startedOverLunch).toBe(1);
  expect(early).toMatchObject({ code: 4, stderr: expect.stringContaining("`action-runs group pauses` lists") });
  expect(story.requests.map(({ headers }) => headers["webhook-id"])).toEqual([first.id, second.id]);
});

test("who waits for it sees each gate as it opens", () => {
  const { code, stdout, stderr } = story.watched;
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^status: +succeeded$/m)]);
  const lines = stderr.split("\n").map((line) => line.slice("2026-01-31T12:00:00Z  ".length));
  expect(lines.filter((line) => /^(waiting|approved|released|ended)/.test(line))).toEqual([
    expect.stringMatching(/^waiting +for approval · at most until \S+Z$/),
    expect.stringMatching(/^approved +by ada via ada-token · tested$/),
    expect.stringMatching(/^waiting +for a slot of deploys \(shop\)/),
    expect.stringMatching(/^waiting +for the end of a pause .*· lunch$/),
    expect.stringMatching(/^released$/),
    expect.stringMatching(/^ended +succeeded, the job reported it$/),
  ]);
});

test("a job that reports before its run has started is told that the run waits", async () => {
  const trigger = JSON.stringify({ type: "webhook", url: `${receiver.url}/later` });
  const args = ["create", "later", "--trigger", trigger, "--not-before", "+1h"];
  const { id, callback } = await json<Run & { callback: { url: string; token: string } }>(args, root);
  for (const command of [["heartbeat"], ["report", "failed"]]) {
    const { code, stderr } = await cli(command, jobOf({ callback }));
    expect([code, stderr]).toEqual([5, expect.stringMatching(/The run still waits.*\(run_waiting, /)]);
  }
  await json(["cancel", id], root);
  expect(receiver.inbox("later")).toEqual([]);
});

test("a rejected deploy ends as cancelled and never starts", () => {
  expect(story.rejected).toMatchObject({ status: "cancelled" });
  expect(story.late).toMatchObject({ code: 5, stderr: expect.stringContaining("not_waiting") });
  expect(story.end.code).toBe(1);
});

test("a planned freeze is listed and removed, and one run passes the pause of now", async () => {
  const trigger = { type: "webhook", url: `${receiver.url}/frozen` };
  await json(
    ["action", "put", "frozen", "--body", JSON.stringify({ trigger, concurrency: { group: "frozen" } })],
    root,
  );
  const planned = await json<{ from: string; warning?: string }>(
    ["pause", "frozen", "--reason", "the weekend", "--from", "+2d", "--until", "+4d"],
    root,
  );
  expect(planned).not.toHaveProperty("warning");
  const unknown = await json<{ warning?: string }>(["pause", "frozne", "--reason", "a slip"], root);
  expect(unknown.warning).toContain("Did you mean frozen?");
  await json(["resume", "frozne"], root);
  await json(["pause", "frozen", "--reason", "an incident"], root);
  const { stdout } = await cli(["group", "pauses", "--no-json"], root);
  expect(stdout).toMatch(/^frozen +paused .* an incident\nfrozen +planned .* the weekend\n$/m);
  const { id } = await json<Run>(["action", "run", "frozen"], root);
  expect(receiver.inbox("frozen")).toEqual([]);
  await json(["release", id, "--through-pause", "--reason", "it ends the incident"], root);
  await until("the run is sent", () => receiver.inbox("frozen").length === 1);
  const shown = planned.from.replace(/\.\d+Z$/, "Z");
  await json(["resume", "frozen", "--from", shown], root);
  await json(["resume", "frozen"], root);
  expect(await json(["group", "pauses"], root)).toEqual([]);
});

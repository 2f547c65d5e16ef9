/**
 * The story of runs with gates on a server that ends by `kill -9`: deploys take turns, reviews need two approvals, one
 * run waits for its time, and one for the end of a pause. test/server/kills/kill.test.ts checks what came of it.
 */

import { type Installation, killAll, type Server } from "../installation.ts";
import { type ActionRun, ask, forEachOf } from "../load.ts";
import { letTimePass } from "../state.ts";
import { until } from "../until.ts";
import { GatedLoad, type Told } from "./gated-load.ts";

/** How many deploys are acknowledged before the receiver reports the first one. */
const QUEUED = 20;
/** How many reports and approvals are acknowledged before the kill. */
const ACKNOWLEDGED = 4;
const TIME_COMES_IN_MS = 1500;
const LEASE_MS = 30_000;

interface GatedRun extends ActionRun {
  readonly details: {
    readonly waiting: { readonly for: string; readonly reason: string | null } | null;
    readonly approval: { readonly approvals: readonly { readonly by: string }[] } | null;
  };
}

/** Returns the server that runs at the end, too. */
export async function playGates(installation: Installation, server: Server) {
  const environment = installation.runs.replace("/prod/action-runs", "/gated");
  const load = new GatedLoad(environment);
  const trigger = await load.listen();

  async function call<T>(method: string, path: string, body?: object, token = installation.token): Promise<T> {
    const answer = await ask<T>(method, `${environment}/${path}`, { token, body });
    if (answer.status > 299) throw new Error(`${method} ${path} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
  const read = (id: string | null) => call<GatedRun>("GET", `action-runs/${id}?include=details`);
  const createToken = async (body: object) =>
    (await call<{ readonly token: string }>("POST", "../../tokens", { role: "member", ...body })).token;
  const ci = await createToken({ name: "ci" });
  const ada = await createToken({ name: "ada", mayApprove: true });
  const actions = {
    deploy: { concurrency: { group: "deploys" } },
    review: { approval: { required: 2 } },
    frozen: { concurrency: { group: "frozen" } },
  } as const;
  for (const [name, gates] of Object.entries(actions)) {
    await call("PUT", `actions/${name}`, { trigger: trigger(name as keyof typeof actions), ...gates });
  }
  await call("PUT", "pauses/frozen", { reason: "lunch" });
  const frozen = await call<ActionRun>("POST", "actions/frozen/runs", {}, ci);

  const over = load.start(ci, ada);
  const known = (all: readonly Told[]) => all.filter(({ id }) => id !== null);
  const untilDone = (what: string, isDone: () => boolean) => until(what, () => isDone() || load.surprises.length > 0);
  await untilDone("many deploys wait", () => known(load.deploys).length > QUEUED);
  const notBefore = Date.now() + TIME_COMES_IN_MS;
  const later = { actionName: "later", trigger: trigger("later"), notBefore: new Date(notBefore).toISOString() };
  await call("POST", "action-runs", later, ci);
  load.mayReport();
  const approved = () => load.reviews.filter(({ isApproved }) => isApproved);
  await untilDone(
    "reports and approvals are acknowledged",
    () => load.reported >= ACKNOWLEDGED && approved().length >= ACKNOWLEDGED,
  );
  await killAll(server);
  await over;
  const acknowledged = known(load.deploys).length;
  const waitedAtKill = acknowledged - load.heard.deploy.length;
  const unanswered = [...load.deploys, ...load.reviews].filter(({ id }) => id === null).length;
  const keptApprovals = approved();

  // An attempt that was under way counts as lost after its lease, and an ended run occupies its queue until then.
  letTimePass(installation.state, LEASE_MS);
  const second = await installation.start();
  load.goOn();
  // Until they are heard of, nobody asks for a run.
  const areHeard = () => known(load.deploys).every(({ id }) => load.heard.deploy.includes(id ?? ""));
  await untilDone("every acknowledged deploy starts", areHeard);
  await untilDone("the run whose time has come starts", () => load.heard.later.length > 0);

  await forEachOf([...load.deploys, ...load.reviews], async (told) => {
    await load.createAgain(told, ci);
  });
  await untilDone("every deploy starts", areHeard);
  const statuses = await Promise.all(load.reports);
  // The key finds its run, although the action has another group now.
  await call("PUT", "actions/deploy", { trigger: trigger("deploy"), concurrency: { group: "others" } });
  await forEachOf(load.deploys, async (told) => {
    await load.createAgain(told, ci);
  });
  const approvals = await Promise.all(
    keptApprovals.map(async ({ id }) => {
      const { waiting, approval } = (await read(id)).details;
      return [waiting?.for, ...(approval?.approvals ?? []).map(({ by }) => by)].join();
    }),
  );
  await forEachOf(load.reviews, async (told) => {
    await load.approve(told, ada);
    await call("POST", `action-runs/${told.id}/approve`, {});
  });
  await untilDone("every review starts", () => load.heard.review.length === load.reviews.length);

  const paused = (await read(frozen.id)).details.waiting;
  const startedWhilePaused = [...load.heard.frozen];
  const headers = { Authorization: `Bearer ${installation.token}` };
  await fetch(`${environment}/pauses/frozen`, { method: "DELETE", headers });
  await untilDone("the paused run starts", () => load.heard.frozen.length > 0);
  await load.close();
  return { server: second, load, unanswered, waitedAtKill, statuses, approvals, paused, startedWhilePaused, notBefore };
}

/**
 * The peer: the same job as a Cloudflare Workflow. An instance is created and waits for an event; a second request
 * sends it. No tokens, no checks, no lists: the least that does it.
 */

import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { Hono } from "hono";

interface Work {
  readonly actionName: string;
  readonly parameters: Readonly<Record<string, string>>;
}

interface Report {
  readonly status: string;
  readonly output: Readonly<Record<string, string>>;
}

interface Env {
  readonly JOBS: Workflow<Work>;
}

export class Job extends WorkflowEntrypoint<Env, Work> {
  override async run(event: WorkflowEvent<Work>, step: WorkflowStep) {
    const report = await step.waitForEvent<Report>("report", { type: "report", timeout: "1 hour" });
    return { actionName: event.payload.actionName, status: report.payload.status };
  }
}

const app = new Hono<{ Bindings: Env }>();

app.post("/create", async (c) => {
  const instance = await c.env.JOBS.create({ params: await c.req.json<Work>() });
  return c.json({ id: instance.id }, 201);
});

app.post("/send/:id", async (c) => {
  const id = c.req.param("id");
  const instance = await c.env.JOBS.get(id);
  await instance.sendEvent({ type: "report", payload: await c.req.json<Report>() });
  return c.json({ id, sent: true });
});

export default app;

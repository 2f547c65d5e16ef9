/**
 * An action that takes events of another product: its secret is shown once, its URL takes an event, a sample is tried,
 * and the secret is rotated.
 */

import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningReceiver, startReceiver } from "../../../support/receiver/server.ts";
import { sharedServer } from "../../installation.ts";
import { describeInBrowser } from "../../watched-browser.ts";
import { lookAt } from "../accessible.ts";
import { button, dialog, field, run, Site, WIDE } from "../site.ts";

const ENV = "prod";

describeInBrowser("an action that takes events", (browser) => {
  const site = new Site("of-console-events", sharedServer("of-console-events"));
  const client = site.client(ENV);
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver?.close());

  it("is stored from fields, shows its secret once, and starts runs that say so", async () => {
    const found: string[] = [];
    await client.actions.put("deploy", { trigger: { type: "webhook", url: `${receiver.url}/events` } });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/actions/deploy`, await site.newToken("admin"));
    await page.getByRole("heading", { name: "What starts it" }).waitFor();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    const open = page.getByRole("main");
    await open.getByRole("checkbox", { name: "An event of another product starts a run" }).check();
    await field(open, "Secret for events").fill("short");
    await field(open, "Headers that it reads").fill("X-Event\nAuthorization");
    await field(open, "Only if").fill('[{ "equals": { "body.ref": "main" } }]');
    await field(open, "Parameters of the run").fill('{ "ref": "{{ body.ref }}", "event": "{{ headers.x-event }}" }');
    await button(open, "Save").click();
    await open.getByText(/is not a usable secret; send 16 to 255/i).waitFor();
    await browser.expectFault(/400/);
    await field(open, "Secret for events").fill("");
    await button(open, "Save").click();
    await open
      .locator(".field-error")
      .getByText(/can hold a secret/)
      .waitFor();
    await browser.expectFault(/400/);
    await field(open, "Headers that it reads").fill("X-Event");
    await lookAt(page, "the fields of events", found);
    await button(open, "Save").click();
    const shown = dialog(page, "The secret for events");
    const secret = await field(shown, "Secret for events").inputValue();
    // The preview may have been refused, too. It is gone now.
    await browser.settled(page);
    expect(browser.takeFaults().filter((fault) => !fault.includes("400"))).toEqual([]);
    await button(shown, "Done").click();

    // The page has the URL, and never the secret.
    const url = (await client.actions.inbound("deploy")).url;
    await page.getByText(url).waitFor();
    expect(await page.getByRole("main").textContent()).not.toContain(secret);
    await lookAt(page, "an action that takes events", found);
    const sent = await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${secret}`, "Content-Type": "application/json", "X-Event": "push" },
      body: JSON.stringify({ ref: "main" }),
    });
    expect(sent.status).toBe(201);
    const { id } = (await sent.json()) as { id: string };
    await site.goTo(page, `${ENV}/runs/${id}`);
    await run(page).getByText("an event of another product").waitFor();
    expect((await client.runs.get(id)).parameters).toEqual({ ref: "main", event: "push" });

    // A member sees that it takes events, and neither the URL nor the secret's button.
    const members = await browser.newPage(site.origin, WIDE);
    await site.signIn(members, `${ENV}/actions/deploy`, await site.newToken("member"));
    await members.getByText("Another product sends it, verified by a token: Bearer").waitFor();
    expect(await members.getByText(url).count()).toBe(0);
    expect(await button(members, /^Rotate secret/).count()).toBe(0);
    expect(found).toEqual([]);
  });

  it("says what it makes of a sample, or why nothing, and gets a new secret", async () => {
    const found: string[] = [];
    const owner = site.client(ENV, await site.newToken("owner"));
    await owner.actions.put("tried", {
      trigger: { type: "webhook", url: `${receiver.url}/events` },
      parametersSchema: { type: "object", properties: { version: { type: "string" } }, required: ["version"] },
      inbound: {
        verify: "github",
        headers: ["x-github-event"],
        when: [{ equals: { "headers.x-github-event": "push" } }],
        parameters: { version: "{{ body.after }}" },
      },
    });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/actions/tried`, await site.newToken("admin"));
    await button(page, "Try a sample event …").click();
    const open = dialog(page, "Try a sample event");
    const attempt = async (headers: string, body: string) => {
      await field(open, "Headers").fill(headers);
      await field(open, "Body").fill(body);
      await button(open, "Try it").click();
    };
    await attempt("no colon", "{}");
    await open.getByText("Type a name, a colon and a value.").waitFor();
    await attempt("X-GitHub-Event: push", "{");
    await open.locator(".field-error").waitFor();
    await attempt("X-GitHub-Event: ping", '{ "after": "3b1c0f2" }');
    await open.getByText("This event starts no run, because it does not meet the conditions.").waitFor();
    await attempt("X-GitHub-Event: push", '{ "after": 3 }');
    await open.getByText("This event starts no run.").waitFor();
    await attempt("X-GitHub-Event: push", '{ "after": "3b1c0f2" }');
    await open.getByText("This event starts a run.").waitFor();
    await open.getByText('"3b1c0f2"', { exact: true }).waitFor();
    await lookAt(page, "a sample", found);
    await button(open, "Close").last().click();
    expect((await owner.runs.list({ actionName: "tried" }).page()).entries).toEqual([]);

    await button(page, "Rotate secret …").click();
    await button(dialog(page, "Rotate the secret of tried?"), "Rotate secret").click();
    const rotated = dialog(page, "The new secret for events");
    expect(await field(rotated, "Secret for events").inputValue()).not.toBe("");
    await rotated.getByText(/^The old secret works beside it until/).waitFor();
    await button(rotated, "Done").click();
    await page.getByText(/^An older secret counts, too, until/).waitFor();

    // Without events, the secret is gone. A version that takes events gets a new one.
    const { version, definition } = await owner.actions.get("tried");
    const { inbound: _, ...others } = definition;
    await owner.actions.put("tried", others);
    await page.reload();
    await button(page, `Restore version ${version}`).click();
    await button(dialog(page, `Restore version ${version}?`), "Restore").click();
    const restored = dialog(page, "The secret for events");
    await button(restored, "Done").click();
    await page.getByText("Another product sends it, verified by a signature as GitHub's.").waitFor();
    expect(found).toEqual([]);
  });
});

/** Two people and a deploy that needs approval and takes turns: one asks, the other decides, and then there is a freeze. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { callback } from "../../../src/client/index.ts";
import { type RunningReceiver, startReceiver } from "../../support/receiver/server.ts";
import { sharedPlace } from "../place.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { button, dialog, field, run, Site, untilRunIs, WIDE } from "./site.ts";

const ENV = "prod";

describeInBrowser("the console's gates", (browser) => {
  const site = new Site("of-console-gates", sharedPlace("of-console-gates"));
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
    const payload = { url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" };
    await site.client(ENV).actions.put("deploy", {
      trigger: {
        ...{ type: "webhook", url: `${receiver.url}/deploy/{{ parameters.version }}`, payload },
        ...{ startOn: "accepted", secrets: { ci: "a-secret-of-the-ci" } },
        headers: { Authorization: "Bearer {{ secrets.ci }}" },
      },
      parametersSchema: { properties: { version: { type: "string" } }, required: ["version"] },
      approval: {},
      concurrency: { group: "shop" },
    });
  });
  afterAll(() => receiver?.close());

  const sent = () => receiver.inbox("deploy").length;
  async function newPerson(person: string, more: { role: "member" | "admin"; mayApprove: boolean }) {
    return (await site.client(ENV).tokens.create({ name: `of-${person}`, person, ...more })).token;
  }

  it("let one person ask, another approve what they see, one run go at a time, and nothing start in a freeze", async () => {
    const bobToken = await newPerson("bob", { role: "member", mayApprove: false });
    const adaToken = await newPerson("ada", { role: "admin", mayApprove: true });
    const [bob, ada] = [await browser.newPage(site.origin, WIDE), await browser.newPage(site.origin, WIDE)];
    await site.signIn(bob, `${ENV}/actions/deploy`, bobToken);
    await button(bob, "Run action").click();
    await field(dialog(bob, "Run deploy"), "version").fill("1.4.2");
    await button(dialog(bob, "Run deploy"), "Run action").click();
    await run(bob).getByText("waits for approval", { exact: true }).waitFor();
    expect([await button(run(bob), "Approve").count(), sent()]).toEqual([0, 0]);

    // Ada has a run of her own, which she can't approve.
    await site.client(ENV, adaToken).actions.run("deploy", { parameters: { version: "1.4.3" } });
    await site.signIn(ada, `${ENV}/runs`, adaToken);
    await ada.getByRole("link", { name: "Approvals 2 waiting" }).click();
    const rows = ada.getByRole("table", { name: "Approvals", exact: true }).getByRole("row");
    const own = rows.filter({ hasText: "by ada" });
    await own.getByText("This is your own run, so somebody else must approve it.").waitFor();
    expect(await button(own, "Approve deploy").isDisabled()).toBe(true);
    await button(rows.filter({ hasText: "by bob" }), "Approve deploy").click();
    const asked = dialog(ada, "Approve deploy?");
    await asked.getByText(`POST ${receiver.url}/deploy/1.4.2`).waitFor();
    const shown = (await asked.textContent()) ?? "";
    expect(shown).toContain('version: "1.4.2"');
    expect(shown).toContain("Authorizationsecret");
    expect(shown).not.toContain("a-secret-of-the-ci");
    // No single key approves, wherever the focus begins.
    for (const key of ["Enter", "Space", "a"]) await ada.keyboard.press(key);
    await field(asked, "Reason").fill("looks right");
    await ada.keyboard.press("Enter");
    await asked.getByText("Everybody who can see the run can read it.").waitFor();
    expect(sent()).toBe(0);
    await button(asked, "Approve run").click();
    await asked.waitFor({ state: "detached" });
    await untilRunIs(bob, "running");
    await run(bob).getByText("looks right").waitFor();
    expect(sent()).toBe(1);

    // The second run waits for its turn behind the first, and starts when the first reports.
    const second = await site
      .client(ENV, bobToken)
      .actions.run("deploy", { parameters: { version: "1.4.4" } });
    await site.goTo(ada, `${ENV}/runs/${second.id}`);
    await button(run(ada), "Approve").click();
    await button(dialog(ada, "Approve deploy?"), "Approve run").click();
    const first = (bob.url().split("/").at(-1) ?? "").slice(0, 36);
    const ahead = run(ada).getByRole("link", { name: `deploy …${first.slice(-6)}` });
    await run(ada).getByText("1st in line for group shop").waitFor();
    expect(await ahead.getAttribute("href")).toContain(first);
    // A freeze: the slot is free now, and still nothing starts.
    await site.goTo(ada, `${ENV}/groups`);
    await button(ada, "Pause shop").click();
    const pause = dialog(ada, "Pause the group shop?");
    await field(pause, "Reason").fill("lunch");
    await button(pause, "Pause").click();
    await ada.getByText("shop is paused:").waitFor();
    const { url, token } = JSON.parse(receiver.inbox("deploy")[0]?.body ?? "{}");
    await callback(url, token).succeed();
    await site.goTo(bob, `${ENV}/runs/${second.id}`);
    await run(bob).getByText("waits for the end of a pause: lunch").waitFor();
    expect(sent()).toBe(1);
    await button(ada, "Resume shop").click();
    await button(dialog(ada, "Resume shop?"), "Resume").click();
    await until("the second run is sent", () => sent() === 2);
    await untilRunIs(bob, "running");
  });
});

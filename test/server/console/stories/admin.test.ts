/** An admin's work at the console: a colleague's token is made, handed over, rotated and revoked, and the audit says so. */

import type { Locator, Page } from "playwright-core";
import { expect, it } from "vitest";
import { ActionRunsError } from "../../../../src/client/index.ts";
import { sharedServer } from "../../installation.ts";
import { until } from "../../until.ts";
import { describeInBrowser } from "../../watched-browser.ts";
import { lookAt } from "../accessible.ts";
import { button, dialog, field, Site, sessionMenu, WIDE } from "../site.ts";

describeInBrowser("an admin's console", (browser) => {
  const site = new Site("of-console-admin", sharedServer("of-console-admin"));

  const rowOf = (page: Page, name: string): Locator =>
    page
      .getByRole("table", { name: "Tokens" })
      .getByRole("row")
      .filter({ has: button(page, `Revoke ${name}`) });

  /** What the service says to this token: its name, or the code of the refusal. */
  async function answerTo(token: string): Promise<string> {
    try {
      return (await site.client("prod", token).whoami()).name;
    } catch (error) {
      if (error instanceof ActionRunsError) return error.code;
      throw error;
    }
  }

  /** Opens the dialog, chooses, rotates, and returns the new secret. The dialog stays open. */
  async function rotate(
    page: Page,
    [label, choice]: readonly [string, string],
    before: (open: Locator) => Promise<void>,
  ): Promise<string> {
    await button(page, "Rotate grace").click();
    const open = dialog(page, "Rotate grace?");
    await field(open, label).selectOption(choice);
    await before(open);
    await button(open, "Rotate token").click();
    return field(dialog(page, "The new secret"), "New secret").inputValue();
  }

  it("makes a colleague's token, sees it used, rotates it, revokes it, and reads who did what", async () => {
    const found: string[] = [];
    const operator = site.client("prod");
    await operator.actions.put("deploy", {}, { ifVersion: null });
    const admin = await operator.tokens.create({ name: "ada", role: "admin" });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "tokens", admin.token);
    // Ada is below the operator, and can't rotate what she did not make.
    await button(page, "Revoke ada").waitFor();

    await button(page, "New token").click();
    const making = page.getByRole("dialog");
    await field(making, "Name").fill("grace");
    await field(making, "Role").selectOption("admin");
    await field(making, "Expires").selectOption("30d");
    await button(making, "Create token").click();
    const first = await field(making, "New token value").inputValue();
    await button(making, "Done").click();
    await rowOf(page, "grace").getByText("never", { exact: true }).last().waitFor();

    // Grace uses it, and makes a token herself.
    expect(await answerTo(first)).toBe("grace");
    await site.client("prod", first).tokens.create({ name: "nightly", role: "viewer" });
    const graceIn = async () => (await operator.tokens.list().page()).entries.find(({ name }) => name === "grace");
    await until("the use is noted", async () => (await graceIn())?.lastUsedAt !== null);
    await site.goTo(page, "tokens");
    const hour = (await graceIn())?.lastUsedAt;
    await rowOf(page, "grace").locator(`time[datetime="${hour}"]`).last().waitFor();
    await lookAt(page, "tokens", found);

    const second = await rotate(page, ["The old secret", "1h"], (open) => lookAt(open.page(), "rotate", found));
    const shown = dialog(page, "The new secret");
    await shown.getByText(/^The old secret ends in \d+m/).waitFor();
    expect(await shown.getByRole("listitem").allInnerTexts()).toEqual([expect.stringMatching(/^nightly /)]);
    await lookAt(page, "the new secret", found);
    // The secret would be lost.
    await page.keyboard.press("Escape");
    expect(await field(shown, "New secret").inputValue()).toBe(second);
    await button(shown, "Done").click();
    expect([await answerTo(first), await answerTo(second)]).toEqual(["grace", "grace"]);
    const creating = site.client("prod", first).tokens.create({ name: "x", role: "viewer" });
    await expect(creating).rejects.toMatchObject({ code: "forbidden" });
    await rowOf(page, "grace")
      .getByText(/^old secret ends in/)
      .waitFor();

    const third = await rotate(page, ["The earlier secret", "0"], async (open) => {
      await open.getByText("The current secret stops at once.").waitFor();
      await lookAt(page, "rotate in a grace period", found);
    });
    await shown.getByText(/^The old secret stops everywhere/).waitFor();
    await button(shown, "Done").click();
    expect([await answerTo(first), await answerTo(second), await answerTo(third)]).toEqual([
      "token_expired",
      "token_invalid",
      "grace",
    ]);

    await button(page, "Revoke grace").click();
    await button(dialog(page, "Revoke grace?"), "Revoke token").click();
    await rowOf(page, "grace").waitFor({ state: "detached" });
    expect(await answerTo(third)).toBe("token_invalid");

    await site.goTo(page, "audit");
    await browser.settled(page);
    await lookAt(page, "audit", found);
    const entries = page.getByRole("table", { name: "Audit" }).getByRole("row");
    const told = await entries.locator("td:nth-child(3)").allInnerTexts();
    expect(told.map((text) => text.replace(/ [0-9a-f]{6}$/, ""))).toEqual([
      "revoked the token nightly",
      "revoked the token grace",
      "rotated the token grace",
      "rotated the token grace",
      "created the token nightly",
      "created the token grace",
      "created the token ada",
      "stored the action deploy",
    ]);
    await entries.getByRole("link", { name: "deploy" }).click();
    await page.waitForURL(/\/prod\/actions\/deploy$/);
    await site.goTo(page, "audit");
    await entries.getByRole("link", { name: "revoked the token" }).first().click();
    await page.getByText("Only action token_revoked.").waitFor();
    await browser.settled(page);
    await lookAt(page, "audit, filtered", found);
    expect(await entries.locator("td:nth-child(3)").count()).toBe(2);
    await page.getByRole("link", { name: "Show all" }).click();
    await entries.getByRole("link", { name: "deploy" }).waitFor();
    await entries.getByRole("link", { name: "nightly" }).first().click();
    await page.waitForURL(/\/tokens$/);
    await page.getByRole("heading", { name: "Tokens", level: 1 }).waitFor();
    expect(found).toEqual([]);
  });

  it("tells a member in a heading that the token does not open tokens and the audit", async () => {
    const found: string[] = [];
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "tokens", await site.newToken("member"));
    for (const [path, what] of [
      ["tokens", "tokens"],
      ["audit", "the audit log"],
    ] as const) {
      await site.goTo(page, path);
      await page.getByRole("heading", { name: `Your token does not open ${what}`, level: 1 }).waitFor();
      await lookAt(page, `${path} of a member`, found);
    }
    expect(found).toEqual([]);
  });

  it("rotates its own token and stays signed in, and then offers no rotation that would end the session", async () => {
    const own = await site.client("prod").tokens.create({ name: "own", role: "admin" });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "tokens", own.token);
    await button(page, "Rotate own").click();
    const open = dialog(page, "Rotate own?");
    await open.getByText("This is the token that you are signed in with.").waitFor();
    expect(await field(open, "The old secret").locator("option").allInnerTexts()).not.toContain("Stops at once");
    await button(open, "Rotate token").click();
    const secret = await field(dialog(page, "The new secret"), "New secret").inputValue();
    await button(page, "Done").click();
    expect(await answerTo(secret)).toBe("own");
    await rowOf(page, "own")
      .getByText(/^old secret ends in/)
      .waitFor();
    expect(await button(page, "Rotate own").count()).toBe(0);
    await sessionMenu(page).waitFor();
  });
});

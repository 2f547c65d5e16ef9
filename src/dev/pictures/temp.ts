import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { createClient } from "../../client/index.ts";
import { atEnd, runToEnd } from "../children.ts";
import { EXAMPLE_ENVIRONMENT, startTemporaryServer } from "../server.ts";
import { CHROMIUM, SEEDED_PATH } from "./site.ts";

async function main(): Promise<number> {
  const only = process.argv[2] ?? "";
  const out = "/tmp/pg/pics";
  mkdirSync(out, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "temp-site-"));
  const site = await startTemporaryServer(folder);
  const root = createClient({ baseUrl: site.url, token: site.token, ...EXAMPLE_ENVIRONMENT });
  const { token } = await root.tokens.create({ name: "ada", role: "owner" });
  const client = createClient({ baseUrl: site.url, token, ...EXAMPLE_ENVIRONMENT });
  const jobs: any[] = [];
  const receiver = createServer(async (req, res) => {
    let text = "";
    for await (const chunk of req) text += chunk;
    try { jobs.push(JSON.parse(text)); } catch {}
    res.writeHead(req.url === "/bad" ? 400 : 202).end("{}");
  }).listen(0);
  const port = (receiver.address() as any).port;
  const trigger = { type: "webhook", url: `http://127.0.0.1:${port}/ok` } as const;
  const bad = { type: "webhook", url: `http://127.0.0.1:${port}/bad` } as const;
  const parametersSchema = {
    type: "object",
    properties: { version: { type: "string", description: "Such as 1.4.2" }, region: { enum: ["eu", "us"], default: "eu" }, replicas: { type: "integer", default: 3 } },
    required: ["version"],
    additionalProperties: false,
  };
  await client.actions.put("deploy", {
    description: "Deploys a version of the shop.", title: "deploy {{ parameters.version }}", trigger, parametersSchema, labels: ["team:shop"],
    retry: { attempts: 2, delaySeconds: [600, 3600] },
    inbound: { verify: "github", headers: ["x-github-event"], when: [{ equals: { "body.ref": "refs/heads/main" } }], parameters: { version: "{{ body.after }}" } },
  });
  await client.actions.put("broken", { trigger: bad, retry: { attempts: 1, delaySeconds: 900 } });
  await client.actions.put("plain", { trigger });
  await client.schedules.put("nightly", { action: "deploy", cron: "30 2 * * MON-FRI", timezone: "Europe/Berlin", parameters: { version: "nightly", region: "us", replicas: 2 }, labels: ["planned"] });
  await client.schedules.put("backup-of-the-database", { action: "plain", cron: "*/15 * * * *", timezone: "America/Argentina/Buenos_Aires" });
  await client.schedules.put("off", { action: "plain", cron: "@daily", timezone: "UTC", disabled: true });
  await client.schedules.put("minutely", { action: "broken", cron: "* * * * *", timezone: "UTC" });
  const second = await root.tokens.create({ name: "old-laptop", role: "admin" });
  const other = createClient({ baseUrl: site.url, token: second.token, ...EXAMPLE_ENVIRONMENT });
  await other.schedules.put("of-a-gone-token", { action: "plain", cron: "* * * * *", timezone: "UTC" });
  await other.schedules.put("of-a-gone-token-2", { action: "plain", cron: "@daily", timezone: "UTC" });
  await other.actions.put("left", {});
  await client.schedules.put("gone-action", { action: "left2", cron: "@weekly", timezone: "UTC", disabled: true });
  const broken = await client.actions.run("broken", {});
  const inbound = await client.actions.inbound("deploy");
  if (only.includes("slow")) {
    await root.tokens.revoke(second.id);
    // A minute, so that schedules have times.
    await new Promise((done) => setTimeout(done, 75_000));
  }
  console.log(JSON.stringify(inbound), broken.id, JSON.stringify(await client.schedules.status("minutely")));
  const browser = await chromium.launch({ executablePath: CHROMIUM! });
  atEnd(() => browser.close());
  const at = (path: string) => `${site.url}${SEEDED_PATH}/${path}`;
  const shots: [string, string, ((page: Page) => Promise<void>)?][] = [
    ["list", "schedules"],
    ["page", "schedules/nightly"],
    ["page-bottom", "schedules/nightly", async (page) => { await page.evaluate("scrollTo(0, 1e6)"); }],
    ["run-now", "schedules/nightly", async (page) => { await page.getByRole("button", { name: "Run now" }).click(); }],
    ["off", "schedules/off"],
    ["gone", "schedules/gone-action"],
    ["minutely", "schedules/minutely"],
    ["service-off", "schedules/of-a-gone-token"],
    ["new", "schedules/-/new?action=deploy", async (page) => { await page.getByLabel("version").waitFor(); }],
    ["edit", "schedules/nightly/edit", async (page) => { await page.getByLabel("version").waitFor(); }],
    ["action", "actions/deploy", async (page) => { await page.getByText("What starts it").scrollIntoViewIfNeeded(); await page.getByText("/inbound/").waitFor(); }],
    ["try", "actions/deploy", async (page) => {
      await page.getByRole("button", { name: "Try a sample" }).click();
      await page.getByLabel("Body").fill('{ "ref": "refs/heads/main", "after": "3b1c0f2" }');
      await page.getByRole("button", { name: "Try it" }).click();
      await page.getByText("This event starts a run").waitFor();
    }],
    ["rotate", "actions/deploy", async (page) => {
      await page.getByRole("button", { name: "Rotate secret" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Rotate secret" }).click();
      await page.getByText("Nobody can see it again").waitFor();
    }],
    ["edit-action", "actions/deploy/edit", async (page) => { await page.getByText("What else starts a run").scrollIntoViewIfNeeded(); }],
    ["failed", `runs/${broken.id}`, async (page) => { await page.getByText("Automatic retry").first().waitFor(); }],
    ["runs", "runs"],
    ["endpoint", "notifications/-/new?receiver=Your+own+program", async (page) => { await page.evaluate("scrollTo(0, 1e6)"); }],
  ];
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1440, 360]) {
      if (only.includes("light") && colorScheme === "dark") continue;
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      const page = await context.newPage();
      page.on("console", (said) => console.error(`${said.type()}: ${said.text()}`));
      page.on("pageerror", (error) => console.error(error));
      await page.goto(at("runs"));
      await page.getByLabel("Token", { exact: true }).fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("button", { name: "Signed in as" }).waitFor();
      for (const [name, path, act] of shots) {
        try {
          page.setDefaultTimeout(5000); await page.goto(at(path));
          await page.waitForTimeout(700);
          await act?.(page);
          await page.waitForTimeout(400);
        } catch (error) { console.error(name, String(error).slice(0, 300)); }
        if (await page.evaluate<boolean>("document.documentElement.scrollWidth > innerWidth")) console.error(`${name} scrolls sideways at ${width}`);
        await page.screenshot({ path: join(out, `${name}-${width}-${colorScheme}.png`), fullPage: !/run-now|try|rotate/.test(name) });
      }
      await context.close();
    }
  }
  if (!only.includes("slow")) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${site.url}/console/-/acme/shop/tokens`);
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(out, "tokens.png") });
  }
  return 0;
}
runToEnd(main);

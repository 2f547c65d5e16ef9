/**
 * People who sign in at an issuer, approve what the agent proposed, look at runs, and sign out. A session works until its
 * person ends it, and 30 seconds later no isolate takes it any more.
 */

import { setTimeout as delay } from "node:timers/promises";
import { HttpBrowser } from "../../server/identity/http-browser.ts";
import { CLIENT_ID, CLIENT_SECRET, type PeopleIssuer, startPeopleIssuer } from "../../server/identity/people-issuer.ts";
import { insist } from "../line.ts";
import { type Random, urlOf } from "../requests.ts";
import type { Stage } from "../stage.ts";

const PERSONS = ["bob", "bob"] as const;
const REQUESTS_MAX = 20;
const PAUSE_MAX_MS = 700;
const RETRY_MS = 300;
/** An isolate remembers a session for 30 s. */
const FORGOTTEN_AFTER_MS = 32_000;

interface Proposal {
  readonly environment: string;
  readonly id: string;
}

/** The issuer, and what a service needs so that people sign in there. */
export interface Identity {
  readonly issuer: PeopleIssuer;
  settingsOf(origin: string): Readonly<Record<string, string>>;
}

export async function newIdentity(): Promise<Identity> {
  const redirectUris: string[] = [];
  const issuer = await startPeopleIssuer(redirectUris);
  return {
    issuer,
    settingsOf(origin) {
      redirectUris.push(`${origin}/session/callback`);
      const people = { issuer: issuer.url, kind: "people", projects: "acme/*", clientId: CLIENT_ID, scope: "groups" };
      return { PUBLIC_URL: origin, OIDC_CLIENT_SECRET: CLIENT_SECRET, OIDC_ISSUERS: JSON.stringify([people]) };
    },
  };
}

export class People {
  readonly #stage: Stage;
  readonly #identity: Identity;
  readonly #random: Random;
  readonly #proposals: Proposal[] = [];
  readonly #approved = new Set<string>();
  readonly #ended = new Set<Promise<void>>();
  readonly #done = new AbortController();

  constructor(stage: Stage, identity: Identity, random: Random) {
    this.#stage = stage;
    this.#identity = identity;
    this.#random = random;
  }

  async store(): Promise<void> {
    const trust = { for: "people", issuer: this.#identity.issuer.url, claims: { groups: "approvers" } };
    const body = { name: "approvers", role: "viewer", mayApprove: true, trust };
    await insist(this.#stage, [201], [], { method: "POST", url: `${this.#origin}/acme/soak/tokens`, body });
  }

  /** Somebody approves this run as soon as they look. */
  approve(environment: string, id: string): void {
    this.#proposals.push({ environment, id });
  }

  /** Whether somebody has begun to approve the run. */
  mayBeApproved(id: string): boolean {
    return this.#approved.has(id);
  }

  /** Goes on until `finish`, also when the soak's time is over, because runs wait for approval. */
  async run(): Promise<void> {
    await Promise.all(
      PERSONS.map(async (name) => {
        while (!this.#done.signal.aborted) await this.#live(name);
      }),
    );
  }

  /** Nothing is left to approve. Resolves when every ended session was tried again. */
  async finish(): Promise<void> {
    this.#done.abort();
    await Promise.all(this.#ended);
    await this.#identity.issuer.close();
  }

  /** One session, from the sign-in to its end. */
  async #live(name: (typeof PERSONS)[number]): Promise<void> {
    const { record } = this.#stage;
    const browser = await this.#signIn(name);
    if (browser === null) return;
    record.count("sign-ins");
    const requests = Math.ceil(this.#random() * REQUESTS_MAX);
    for (let n = 0; n < requests && !this.#done.signal.aborted; n++) {
      await this.#use(browser);
      await delay(this.#random() * PAUSE_MAX_MS);
    }
    if (this.#random() < 0.3) return;
    await this.#end(browser);
    const tried = this.#tryEnded(browser).finally(() => this.#ended.delete(tried));
    this.#ended.add(tried);
  }

  async #signIn(name: string): Promise<HttpBrowser | null> {
    const { site, record, disturbances } = this.#stage;
    await site.up;
    const sentAt = Date.now();
    const browser = new HttpBrowser({ origin: this.#origin });
    try {
      await browser.beginSession(name);
      return browser;
    } catch (error) {
      if (!disturbances.metFault(sentAt) && !disturbances.metKill(sentAt))
        record.violation(`A SIGN-IN FAILED: ${error}`, [], sentAt);
      await delay(RETRY_MS);
      return null;
    }
  }

  /** Approves what is next, or looks at the runs. */
  async #use(browser: HttpBrowser): Promise<void> {
    const proposal = this.#proposals.shift();
    if (proposal === undefined) {
      await this.#ask(browser, "GET", "/acme/soak/envs/started/action-runs?limit=5");
      return;
    }
    const { environment, id } = proposal;
    this.#approved.add(id);
    const { pathname } = new URL(urlOf(this.#origin, environment, `action-runs/${id}/approve`));
    const status = await this.#ask(browser, "POST", pathname, {});
    // Approved before, although the answer was lost.
    if (status === 200 || status === 409) this.#stage.record.count("approvals of what the agent proposed");
    else this.#proposals.push(proposal);
  }

  /** Null if there was no answer, or 503. */
  async #ask(browser: HttpBrowser, method: string, path: string, body?: object): Promise<number | null> {
    const { site, record } = this.#stage;
    await site.up;
    const sentAt = Date.now();
    const answer = await browser.ask(method, path, body).catch(() => null);
    record.requests++;
    if (answer === null || answer.status === 503) return null;
    if (answer.status === 401) record.violation(`A SESSION WAS LOST: ${answer.body}`, [], sentAt);
    else if (answer.status >= 400 && answer.status !== 409)
      record.violation(`a session got ${answer.status}: ${answer.body}`, [], sentAt);
    return answer.status;
  }

  /** Again until it is answered. One whose answer was lost has ended. */
  async #end(browser: HttpBrowser): Promise<void> {
    const { site, record } = this.#stage;
    const cookies = [...browser.cookies];
    for (let isFirst = true; ; isFirst = false) {
      await site.up;
      // Each answer takes the cookie away, also one that could not end the session.
      for (const [name, value] of cookies) browser.cookies.set(name, value);
      const answer = await browser.ask("DELETE", "/session", {}).catch(() => null);
      if (answer?.status === 204 || (answer?.status === 401 && !isFirst)) break;
      if (answer !== null && answer.status !== 503)
        record.violation(`a session could not end: ${answer.status} ${answer.body}`, [], Date.now());
      await delay(RETRY_MS);
    }
    for (const [name, value] of cookies) browser.cookies.set(name, value);
  }

  async #tryEnded(browser: HttpBrowser): Promise<void> {
    await delay(FORGOTTEN_AFTER_MS);
    const { site, record } = this.#stage;
    for (const origin of site.origins) {
      await site.up;
      const answer = await browser.ask("GET", "/whoami", undefined, origin).catch(() => null);
      if (answer !== null && answer.status < 300)
        record.violation(`A SESSION GOES ON: it was ended ${FORGOTTEN_AFTER_MS} ms ago`, [], Date.now());
      else record.count("ended sessions that nothing takes");
    }
  }

  get #origin(): string {
    return this.#stage.site.origins[0] ?? "";
  }
}

/**
 * The requests of a page that have no response yet. An event stream counts as answered when it begins, so Playwright's
 * `networkidle` never comes on a page that follows runs.
 */

import type { Page, Request } from "playwright-core";

export class PendingRequests {
  readonly #requests = new Set<Request>();

  constructor(page: Page) {
    const answered = (request: Request) => this.#requests.delete(request);
    page.on("request", (request) => this.#requests.add(request));
    page.on("requestfinished", answered);
    page.on("requestfailed", answered);
    page.on("response", (response) => {
      if (response.headers()["content-type"]?.startsWith("text/event-stream")) answered(response.request());
    });
  }

  get isEmpty(): boolean {
    return this.#requests.size === 0;
  }
}

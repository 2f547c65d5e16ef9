/**
 * The console: a web application of this service's own origin, for people who watch runs. It talks to the public API
 * alone, through `src/client/`. This module makes what lives as long as the page, and draws the application.
 *
 * - `app.tsx` chooses the page by the address.
 * - `pages.ts` and `router.tsx`: addresses and pages, in both directions; `navigate` and `Link`. What a page shows is in
 *   its address. `keys.tsx`: keyboard shortcuts, which pages register, and their help.
 * - `session/`: signing in and out, also at an issuer (`identity-pages.tsx`), `useSession` with the API's client, and `frame.tsx`, which stands around every page.
 * - `ui/`: parts that know nothing about runs: buttons, fields, dialogs, facts, lists, times, trees, notices, `useRead`.
 * - `runs/`: the list. `run/`: one run. `bulk/`: many runs at once. `gates/`: what waits, approvals, groups and pauses.
 *   `actions/`: stored actions. `schedules/`: their times. `notifications/`: webhook endpoints. `definitions/`: what
 *   these kinds have in common. `tokens/`: tokens and the audit log.
 * - `style.css` has the design tokens. `ui/layout.css` has the five layouts that pages are made of, and `ui/parts.css`
 *   the parts of `ui/`. Pages have few rules of their own.
 *
 * Files that end in `.ts` are free of JSX. A test in `test/console/` can import every file that needs no document when
 * it is loaded.
 */
import { render } from "preact";
import { App } from "./app.tsx";
import { createKeys, KeysProvider } from "./keys.tsx";
import { createRouter, RouterProvider } from "./router.tsx";
import { createSessionApi, createSessionStore, SESSION_KEY, SessionStoreProvider } from "./session/session.tsx";
import type { Handed } from "./session/sign-in.ts";
import { NoticesProvider } from "./ui/parts.tsx";
import { showUnseen } from "./ui/seen-texts.ts";
import { ZoneProvider } from "./ui/time.tsx";

const root = document.querySelector("#console");
if (root === null) throw new Error("The page has no element for the console.");
const handed = takeHanded();
const sessions = createSessionStore(localStorage, createSessionApi(), Date.now);
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) sessions.recheck();
});
// Another tab signed in or out.
addEventListener("storage", ({ key }) => {
  if (key === null || key === SESSION_KEY) sessions.recheck();
});
for (const use of ["keydown", "pointerdown"] as const) {
  addEventListener(use, sessions.use, { passive: true, capture: true });
}
keepFocus(document);
// What the page shows before this script runs.
root.replaceChildren();
showUnseen();
render(
  <RouterProvider value={createRouter()}>
    <SessionStoreProvider value={sessions}>
      <KeysProvider value={createKeys()}>
        <ZoneProvider>
          <NoticesProvider>
            <App handed={handed} />
          </NoticesProvider>
        </ZoneProvider>
      </KeysProvider>
    </SessionStoreProvider>
  </RouterProvider>,
  root,
);

/** The code of a sign-in, or why it failed. It leaves the address at once, so that no history has it. */
function takeHanded(): Handed {
  // A link to the page that is open already only changes the fragment.
  addEventListener("hashchange", () => {
    if (/^#(code|error)=/.test(location.hash)) location.reload();
  });
  const [found, code = null, error = null] = /^#(?:code=([\w-]{43})|error=(\w+))$/.exec(location.hash) ?? [];
  if (found !== undefined) history.replaceState(null, "", `${location.pathname}${location.search}`);
  return { code, error };
}

/** The parts that can have the focus: the page, one run, a dialog. */
const FOCUSED_PARTS = "[tabindex='-1']";

/** Gives the focus to the part around what leaves the page. A screen reader would start again at the top. */
function keepFocus(document: Document): void {
  // The element that got the focus last, and those around it, from the inside to the outside.
  let around: readonly HTMLElement[] = [];
  document.addEventListener("focusin", (event) => {
    around = event.composedPath().filter((one) => one instanceof HTMLElement);
  });
  new MutationObserver(() => {
    const isGone = around[0]?.isConnected === false;
    if (!isGone || document.activeElement !== document.body) return;
    const part = around.find((element) => element.isConnected && element.matches(FOCUSED_PARTS));
    (part ?? document.querySelector("main"))?.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
}

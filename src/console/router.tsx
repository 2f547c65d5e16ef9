/**
 * The address bar as the console's state. A page reads what it shows from the path and the query, and changes them with
 * `navigate`. So back, forward, reload and a copied link give the same view.
 */
import type { PartialAnchorHTMLAttributes, TargetedMouseEvent } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Page, pageAt, pathOf } from "./pages.ts";
import { contextOf } from "./ui/context.ts";

interface Location {
  readonly pathname: string;
  /** With its `?`, or empty. */
  readonly search: string;
  /** The fragment with its `#`, or empty. */
  readonly hash: string;
}

interface NavigateOptions {
  /** Without a new entry in the browser's history. */
  readonly replace?: boolean;
  /** Nothing would be lost, so the guard is not asked. */
  readonly isSafe?: boolean;
}

export interface Router {
  /** Where the address bar is now. */
  readonly location: () => Location;
  /** Goes to a path with its query. */
  readonly navigate: (href: string, options?: NavigateOptions) => void;
  /**
   * Asks before the page is left, by a link or by the browser's back and forward. `ask` calls `go` to leave after all.
   * Returns a function that stops it. One page asks at a time.
   */
  readonly guard: (ask: (go: () => void) => void) => () => void;
  /** Calls `listener` after each change of the address. Returns a function that stops it. */
  readonly subscribe: (listener: () => void) => () => void;
}

export function createRouter(window: Window): Router {
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of [...listeners]) listener();
  };
  let guard: ((go: () => void) => void) | null = null;
  // The number of the entry in the history, so that a step can be taken back.
  let at = indexIn(window.history.state) ?? 0;
  let isReturning = false;
  window.history.replaceState({ index: at }, "");
  window.addEventListener("popstate", ({ state }) => {
    if (isReturning) {
      isReturning = false;
      return;
    }
    const to = indexIn(state);
    const ask = guard;
    if (ask !== null && to !== null && to !== at) {
      const steps = to - at;
      isReturning = true;
      window.history.go(-steps);
      ask(() => {
        guard = null;
        window.history.go(steps);
      });
      return;
    }
    at = to ?? at + 1;
    // The browser made the entry, because only the fragment changed.
    if (to === null) window.history.replaceState({ index: at }, "");
    tell();
  });
  return {
    location() {
      const { pathname, search, hash } = window.location;
      return { pathname, search, hash };
    },
    navigate(href, { replace = false, isSafe = false } = {}) {
      const go = () => {
        const { pathname, search } = window.location;
        if (replace || href === `${pathname}${search}`) window.history.replaceState({ index: at }, "", href);
        else window.history.pushState({ index: ++at }, "", href);
        tell();
      };
      if (guard === null || isSafe) return go();
      guard(() => {
        guard = null;
        go();
      });
    },
    guard(ask) {
      guard = ask;
      return () => {
        if (guard === ask) guard = null;
      };
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function indexIn(state: unknown): number | null {
  const { index } = (state ?? {}) as { readonly index?: unknown };
  return typeof index === "number" ? index : null;
}

export const [RouterProvider, useRouter] = contextOf<Router>("router");

interface Route {
  /** null if no page has this address. */
  readonly page: Page | null;
  /** Without `compare`. */
  readonly query: URLSearchParams;
  /** The query as the address has it: with its `?`, or empty. Without `compare`. */
  readonly search: string;
  /**
   * The id of the run that the open run is compared with; null if it is not. It is about one run, so links that keep
   * the list's filters must not carry it on.
   */
  readonly compare: string | null;
}

/** The page and the query of the address. The component renders again when they change. */
export function useRoute(): Route {
  const { pathname, search } = useLocation();
  return useMemo(() => {
    const [found, compare = null] = COMPARE.exec(search) ?? [];
    const rest = found === undefined ? search : search.replace(found, "").replace(/^&/, "?");
    return { page: pageAt(pathname), query: new URLSearchParams(rest), search: rest, compare };
  }, [pathname, search]);
}

const COMPARE = /[?&]compare=([^&]*)/;

/** The query with `compare`. `search`: without it. */
export function comparing(search: string, id: string): string {
  return `${search}${search === "" ? "?" : "&"}compare=${id}`;
}

/** The fragment of the address with its `#`, or empty. The component renders again when it changes. */
export function useFragment(): string {
  return useLocation().hash;
}

function useLocation(): Location {
  const router = useRouter();
  const [location, setLocation] = useState(router.location);
  useEffect(() => {
    const update = () => setLocation(router.location());
    // The address may have changed between the first render and this effect.
    update();
    return router.subscribe(update);
  }, [router]);
  return location;
}

/** Path and query of a page. `query` can be a query string with or without `?`, or URLSearchParams. */
export function hrefOf(page: Page, query: string | URLSearchParams = ""): string {
  const text = query.toString().replace(/^\?/, "");
  return text === "" ? pathOf(page) : `${pathOf(page)}?${text}`;
}

interface LinkProps extends Omit<PartialAnchorHTMLAttributes<HTMLAnchorElement>, "role" | "onClick"> {
  readonly href: string;
  /** Called after a plain click. */
  readonly onFollow?: (() => void) | undefined;
}

/** A link to a page of the console. A click with a modifier key opens a tab, as with every link. */
export function Link({ href, onFollow, ...rest }: LinkProps) {
  const router = useRouter();
  function follow(event: TargetedMouseEvent<HTMLAnchorElement>) {
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!isPlain || event.defaultPrevented) return;
    event.preventDefault();
    router.navigate(href);
    onFollow?.();
  }
  return <a {...rest} href={href} onClick={follow} />;
}

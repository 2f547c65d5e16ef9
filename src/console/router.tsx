/** The address bar as the state of a page: back, forward, reload and a copied link give the same view. */
import type { PartialAnchorHTMLAttributes, TargetedMouseEvent } from "preact";
import { useMemo } from "preact/hooks";
import { type Page, pageAt, pathOf } from "./pages.ts";
import { contextOf, storeOf, useStore } from "./ui/stores.ts";

/** Asks before the page is left. `go` leaves after all. */
type Ask = (go: () => void) => void;

export type Router = ReturnType<typeof createRouter>;

export function createRouter() {
  const where = () => new URL(window.location.href);
  const { become, ...location } = storeOf(where());
  let guard: Ask | null = null;
  const askThen = (ask: Ask, go: () => void) =>
    ask(() => {
      guard = null;
      go();
    });
  // The number of the entry in the history, so that a step can be taken back.
  let at: number = history.state?.index ?? 0;
  let isReturning = false;
  history.replaceState({ index: at }, "");
  addEventListener("popstate", ({ state }) => {
    if (isReturning) {
      isReturning = false;
      return;
    }
    const to: number | undefined = state?.index;
    if (guard !== null && to !== undefined && to !== at) {
      const steps = to - at;
      isReturning = true;
      history.go(-steps);
      askThen(guard, () => history.go(steps));
      return;
    }
    at = to ?? at + 1;
    // The browser made the entry, because only the fragment changed.
    if (to === undefined) history.replaceState({ index: at }, "");
    become(where());
  });
  return {
    location,
    /**
     * Goes to a path with its query. `replace`: without a new entry in the browser's history. `isSafe`: nothing would be
     * lost, so the guard is not asked.
     */
    navigate(href: string, { replace = false, isSafe = false } = {}): void {
      const go = () => {
        const { pathname, search } = window.location;
        if (replace || href === `${pathname}${search}`) history.replaceState({ index: at }, "", href);
        else history.pushState({ index: ++at }, "", href);
        become(where());
      };
      if (guard === null || isSafe) go();
      else askThen(guard, go);
    },
    /** Also for the browser's back and forward. Returns a function that stops it. One page asks at a time. */
    guard(ask: Ask) {
      guard = ask;
      return () => {
        if (guard === ask) guard = null;
      };
    },
  };
}

export const [RouterProvider, useRouter] = contextOf<Router>("router");

/**
 * The page of the address, null if no page has it, and the query, also as `search`: with its `?`, or empty. The component
 * renders again when they change. `compare`: the id of the run that the open run is compared with, or null. It is about
 * one run, so neither the query nor `search` has it: links that keep the list's filters must not carry it on.
 */
export function useRoute() {
  const { pathname, search } = useStore(useRouter().location);
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
  return useStore(useRouter().location).hash;
}

/** Path and query of a page. `query` can be a query string with or without `?`, or URLSearchParams. */
export function hrefOf(page: Page, query: string | URLSearchParams = ""): string {
  const text = query.toString().replace(/^\?/, "");
  return text === "" ? pathOf(page) : `${pathOf(page)}?${text}`;
}

/** The query of another part of a list. Null: the first one. */
export function atCursor(query: URLSearchParams, cursor: string | null): URLSearchParams {
  const changed = new URLSearchParams(query);
  if (cursor === null) changed.delete("cursor");
  else changed.set("cursor", cursor);
  return changed;
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

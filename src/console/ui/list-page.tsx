/** Pages of lists: the address holds the cursor, Tab stops once at all rows, and the arrows go from row to row. */
import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { List, Page } from "../../client/index.ts";
import { useKeys } from "../keys.tsx";
import { atCursor, hrefOf, Link, useRoute, useRouter } from "../router.tsx";
import { SelectField } from "./forms.tsx";
import { ErrorView, type LoadOptions, useRead } from "./load.tsx";
import { Empty, Icon, Skeleton } from "./parts.tsx";

/** `list` must not change with each call. `filters`: the parameters of the address that go to the API as they are. */
export function useListPage<T>(
  list: (query: object, options: { readonly signal: AbortSignal }) => List<T>,
  options?: LoadOptions<Page<T>>,
  filters: readonly string[] = [],
) {
  const { query } = useRoute();
  const cursor = query.get("cursor") ?? undefined;
  const asked = JSON.stringify([...query].filter(([name]) => filters.includes(name)));
  const read = (signal: AbortSignal) => list(Object.fromEntries(JSON.parse(asked)), { signal }).page(cursor);
  return { ...useRead(read, [list, asked, cursor], options), isFirst: cursor === undefined };
}

/** What a list shows of the address: one of `values` by the parameter `name`, the cursor, and a field that chooses. */
export function useFilter<V extends string>(label: string, name: string, values: readonly V[]) {
  const router = useRouter();
  const { page, query } = useRoute();
  const value = values.find((one) => one === query.get(name));
  function choose(next: string) {
    if (page !== null) router.navigate(hrefOf(page, next === "" ? "" : `${name}=${next}`), { replace: true });
  }
  const field = (
    <SelectField label={label} value={value ?? ""} onText={choose}>
      <option value="">all</option>
      {values.map((one) => (
        <option key={one}>{one}</option>
      ))}
    </SelectField>
  );
  return { value, cursor: query.get("cursor") ?? undefined, field };
}

interface ListPageProps<T> {
  readonly title: string;
  /** What the list holds: "actions". */
  readonly of: string;
  readonly loaded: ReturnType<typeof useListPage<T>>;
  readonly button?: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly dialog?: ComponentChildren;
  /** What a first page without entries shows. Undefined: `children` shows it. */
  readonly empty?: ComponentChildren;
  readonly children: (entries: readonly T[]) => ComponentChildren;
}

export function ListPage<T>(props: ListPageProps<T>) {
  const { title, of, loaded, button, note, dialog, empty, children } = props;
  const { data, failure, reload, isFirst } = loaded;
  const none = isFirst ? empty : <Empty title={`There are no more ${of}`} />;
  return (
    <div class="page">
      <div class="page-head row is-apart">
        <h1>{title}</h1>
        {button}
      </div>
      {note}
      {data?.isStale ? <StaleNote /> : null}
      <ErrorView failure={failure} onRetry={reload} isBanner={data !== undefined} />
      {data === undefined && failure === null ? <Skeleton /> : null}
      {data === undefined ? null : empty !== undefined && data.entries.length === 0 ? none : children(data.entries)}
      <Pager of={of} next={data?.next ?? null} />
      {dialog}
    </div>
  );
}

interface DetailHeadProps {
  /** The page of the list that it is in. */
  readonly list: string;
  readonly all: string;
  readonly title: string;
  readonly children?: ComponentChildren;
}

export function DetailHead({ list, all, title, children }: DetailHeadProps) {
  return (
    <div class="page-head row is-apart">
      <div class="stack gap-0">
        <Link class="crumb muted small" href={list}>
          <Icon name="previous" />
          {all}
        </Link>
        <h1 class="break">{title}</h1>
      </div>
      <div class="row">{children}</div>
    </div>
  );
}

/** Beside a list that can lack the newest changes. Such a list is read again soon. */
export function StaleNote() {
  return (
    <p class="note is-warning" role="status">
      The newest changes can be missing from this list. It is read again soon.
    </p>
  );
}

interface PagerProps {
  /** What the list holds, for the links: "actions". */
  readonly of: string;
  /** The cursor of the next page; null on the last page. */
  readonly next: string | null;
  readonly first?: string;
  readonly more?: string;
}

/** Links to the other pages of the list. The rest of the query stays. */
export function Pager({ of, next, first = `First ${of}`, more = `More ${of}` }: PagerProps) {
  const { page, query } = useRoute();
  const isFirst = !query.has("cursor");
  if (page === null || (isFirst && next === null)) return null;
  const hrefAt = (cursor: string | null) => hrefOf(page, atCursor(query, cursor));
  return (
    <nav class="pages row is-apart" aria-label="Pages">
      <span>
        {isFirst ? null : (
          <Link class="button is-plain" href={hrefAt(null)}>
            <Icon name="previous" />
            {first}
          </Link>
        )}
      </span>
      {next === null ? null : (
        <Link class="button is-plain" href={hrefAt(next)}>
          {more}
          <Icon name="next" />
        </Link>
      )}
    </nav>
  );
}

export interface Column {
  readonly text: string;
  readonly class?: string;
  readonly width?: string;
  /** The text is only for screen readers. */
  readonly isHeard?: boolean;
}

interface TableProps {
  readonly label: string;
  readonly class?: string;
  readonly columns: readonly Column[];
  readonly tableRef?: RefObject<HTMLTableElement | null> | null;
  readonly children: ComponentChildren;
}

/** A table with a head. In a narrow window, columns and cells of the class `is-wide` are left out. */
export function Table({ label, class: classes = "", columns, tableRef = null, children }: TableProps) {
  return (
    <table ref={tableRef} class={`table ${classes}`} aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ text, width, isHeard, ...rest }) => (
            <th key={text} scope="col" style={{ width }} {...rest}>
              {isHeard ? <span class="only-heard">{text}</span> : text}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={useRowStops()}>{children}</tbody>
    </table>
  );
}

export function Rows({ label, class: classes, children }: Pick<TableProps, "label" | "class" | "children">) {
  return (
    <ul ref={useRowStops()} class={classes} aria-label={label}>
      {children}
    </ul>
  );
}

const REACHED = "a[href], button:not(:disabled), input:not(:disabled), select, summary";
/** In these, the arrows have a meaning of their own. */
const TYPING = "input:not([type=checkbox]), textarea, select";

/** For the element whose children are the rows. It stays as long as the component. */
export function useRowStops<E extends HTMLElement>(): RefObject<E | null> {
  const list = useRef<E>(null);
  useLayoutEffect(() => {
    const rows = list.current;
    if (rows === null) return;
    /** What Tab reaches: where the focus was last, or else the current row or the first one. */
    let stop: Element | null = null;
    function update(): void {
      const all = reachedIn(rows);
      if (stop === null || !all.includes(stop as HTMLElement)) {
        const first = (selector: string) => all.find((one) => one.matches(selector));
        stop = first("a[aria-current]") ?? first("a") ?? all[0] ?? null;
      }
      for (const one of all) one.tabIndex = one === stop ? 0 : -1;
    }
    function reach({ target }: FocusEvent): void {
      stop = target instanceof Element ? target : null;
      update();
    }
    const observer = new MutationObserver(update);
    observer.observe(rows, { childList: true, subtree: true });
    rows.addEventListener("focusin", reach);
    rows.addEventListener("keydown", move);
    update();
    return () => {
      observer.disconnect();
      rows.removeEventListener("focusin", reach);
      rows.removeEventListener("keydown", move);
    };
  }, []);
  return list;
}

function reachedIn(element: Element | null | undefined): readonly HTMLElement[] {
  return [...(element?.querySelectorAll<HTMLElement>(REACHED) ?? [])];
}

function move(event: KeyboardEvent): void {
  const { target, currentTarget, key } = event;
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
  if (hasModifier || !(target instanceof HTMLElement) || !(currentTarget instanceof Element)) return;
  if (target.matches(TYPING)) return;
  const rows = [...currentTarget.children];
  const row = rows.findIndex((one) => one.contains(target));
  const inRow = reachedIn(rows[row]);
  const at = inRow.indexOf(target);
  const across = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: inRow.length - 1 }[key];
  const down = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (across !== undefined) inRow[across]?.focus();
  else if (down !== undefined) {
    const others = down === 1 ? rows.slice(row + 1) : rows.slice(0, row).reverse();
    const next = others.map(reachedIn).find(({ length }) => length > 0) ?? [];
    const isLink = target.matches(".row-link");
    (next.find((one) => isLink && one.matches(".row-link")) ?? next[Math.min(at, next.length - 1)])?.focus();
  } else return;
  event.preventDefault();
}

/** `j` and `k` go from link to link. `title`, and `what` one row is, are for the help. `around`: the rows. */
export function useRowKeys(title: string, what: string, around: RefObject<HTMLElement | null>): void {
  function go(step: 1 | -1): void {
    const links = rowLinks(around.current);
    const current = currentLink(around.current);
    (current === undefined ? links[0] : links[links.indexOf(current) + step])?.focus();
  }
  useKeys(title, [
    { keys: "j", label: `Next ${what}`, run: () => go(1) },
    { keys: "k", label: `Previous ${what}`, run: () => go(-1) },
    { keys: "↑ ↓", label: "From row to row" },
    { keys: "← →", label: "Within a row" },
    { keys: "Enter", label: `Open the ${what}` },
  ]);
}

/** The link of the row with the focus, or else of the current one. */
export function currentLink(around: HTMLElement | null): HTMLElement | undefined {
  const links = rowLinks(around);
  const focused = links.find((link) => link.closest("tr, li")?.contains(document.activeElement));
  return focused ?? links.find((link) => link.hasAttribute("aria-current"));
}

export function rowLinks(around: HTMLElement | null): readonly HTMLElement[] {
  return [...(around?.querySelectorAll<HTMLElement>("a.row-link") ?? [])];
}

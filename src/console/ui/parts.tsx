/** The small parts that pages are made of: buttons, links, icons, statuses, facts, notices and empty pages. */
import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { harmlessLink } from "../../base/visible-text.ts";
import type { Status } from "../../words/statuses.ts";
import { Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { seen } from "./seen-texts.ts";
import { contextOf } from "./stores.ts";

type MaybeText = string | null | undefined;

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  /** Shows that its work is under way. Until then a press does nothing, and the button keeps the focus. */
  readonly isBusy?: boolean;
}

export function Button({ kind = "plain", isBusy = false, onClick, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`button is-${kind}${isBusy ? " is-busy" : ""}`}
      // The button is not disabled, because a disabled button loses the focus.
      aria-disabled={isBusy || undefined}
      onClick={(event) => {
        if (isBusy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {children}
    </button>
  );
}

/** A link that somebody else wrote. A URL that the service does not accept as a link stays text. */
export function ExternalLink({ href, children }: { readonly href: string; readonly children?: ComponentChildren }) {
  const link = harmlessLink(href);
  if (link === null) return <bdi>{href}</bdi>;
  return (
    <a class="external" href={link} target="_blank" rel="noopener noreferrer">
      <bdi class="cut-lines">{children ?? link}</bdi>
      <Icon name="external" />
    </a>
  );
}

const PATHS = {
  copy: "M5.5 5.5v-2a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M3.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1z",
  calendar: "M3 4h10v9.5H3zM3 6.8h10M5.5 2.5v2.5M10.5 2.5v2.5",
  check: "M3 8.5l3.2 3.2L13 4.8",
  cross: "M4 4l8 8M12 4l-8 8",
  download: "M8 2.5v8M4.5 7.2L8 10.7l3.5-3.5M3 13.5h10",
  external: "M9.5 2.5h4v4M13.5 2.5L7.5 8.5M11.5 9.5v3a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1h3",
  link: "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 0 0-3.7-3.7l-.7.7M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.3 9a2.6 2.6 0 0 0 3.7 3.7l.7-.7",
  next: "M6 3.5L10.5 8L6 12.5",
  person: "M8 8.2a2.6 2.6 0 1 0 0-5.2a2.6 2.6 0 0 0 0 5.2zM3 13.5c.4-2.2 2.3-3.4 5-3.4s4.6 1.2 5 3.4",
  previous: "M10 3.5L5.5 8L10 12.5",
  warning: "M8 2.2l6.2 11.3H1.8zM8 6.5v3.2M8 11.6v.2",
} as const;

type IconName = keyof typeof PATHS;

/** The few icons, drawn with the colour of the text around them. They are decoration: the text beside them says it. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** `isWhole`: with its name also in a narrow window. */
export function Brand({ isWhole = false }: { readonly isWhole?: boolean }) {
  return (
    <span class="brand row">
      <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
        <rect width="16" height="16" rx="4" />
        <path d="M4.5 11.5v-3M8 11.5v-7M11.5 11.5v-5" />
      </svg>
      <span class={isWhole ? undefined : "is-wide"}>Action runs</span>
    </span>
  );
}

/** The shape in a disc or ring: nothing, a clock's hand, a check, a cross, a slash. */
const SHAPES: Readonly<Record<Status, string>> = {
  pending: "",
  running: "M8 4.8V8l2.2 1.5",
  succeeded: "M5 8.3l2.1 2.1L11 6",
  failed: "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8",
  cancelled: "M5.2 8h5.6",
};

/** The shape without the word. Use it only if the word stands beside it. */
export function StatusIcon({ status }: { readonly status: Status }) {
  return (
    <svg class={`icon status-icon is-${status}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <circle cx="8" cy="8" r="6.25" />
      <path d={SHAPES[status]} />
    </svg>
  );
}

export function StatusMark({ status }: { readonly status: Status }) {
  return <Mark mark={status}>{status}</Mark>;
}

/** What is no run, but is shown like one: the status says the colour and the shape. */
export function Mark({ mark, children }: { readonly mark: Status; readonly children: string }) {
  return (
    <span class={`status is-${mark}`}>
      <StatusIcon status={mark} />
      {children}
    </span>
  );
}

export function StatusNote({ status, children }: { readonly status: Status; readonly children: ComponentChildren }) {
  return (
    <div class={`note with-icon is-${status}`}>
      <StatusIcon status={status} />
      <div>{children}</div>
    </div>
  );
}

/** Beside the name of a run's action, because a run of any name can be made without the stored action of that name. */
export function ByHand() {
  return (
    <span class="boxed by-hand muted small" title="No stored action made this run. Somebody sent its request.">
      by hand
    </span>
  );
}

interface SectionProps {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Not a region, because a page with many regions is hard to walk through. People get here by the heading. */
export function Section({ title, aside, children }: SectionProps) {
  return (
    <div class="stack">
      <div class="section-head row">
        <h3>{title}</h3>
        {aside === undefined ? null : <span class="hint">{aside}</span>}
      </div>
      {children}
    </div>
  );
}

/** One entry of a `dl` of the class `facts`, unless there is nothing to say. */
export function Fact({ term, children }: { readonly term: ComponentChildren; readonly children: ComponentChildren }) {
  return children == null || children === false ? null : (
    <div>
      <dt>{term}</dt>
      <dd class="break">{children}</dd>
    </div>
  );
}

/** What somebody wrote about a thing; nothing if nobody did. */
export function Said({ class: classes = "", text }: { readonly class?: string; readonly text: MaybeText }) {
  return !text ? null : (
    <p class={`${classes} muted`}>
      <bdi>{text}</bdi>
    </p>
  );
}

interface WhoProps {
  readonly name: string;
  readonly via?: MaybeText;
  readonly agent?: MaybeText;
}

/** A person or a token, the token that acted for the person if it has another name, and whether an agent asked. */
export function Who({ name, via, agent }: WhoProps) {
  return (
    <>
      <bdi>{name}</bdi>
      {via == null || via === name ? null : (
        <>
          {" via "}
          <bdi>{via}</bdi>
        </>
      )}
      <AgentMark of={agent} />
    </>
  );
}

/** That an agent asked. `of`: what the agent calls itself, which is only a claim. */
export function AgentMark({ of }: { readonly of: WhoProps["agent"] }) {
  return of == null ? null : (
    <>
      {" "}
      <span class="boxed muted small break" title="An agent asked. Nobody has verified what it calls itself.">
        agent “<bdi>{of}</bdi>”
      </span>
    </>
  );
}

export function Labels({ labels = [] }: { readonly labels: readonly string[] | undefined }) {
  return (
    <span class="row gap-4">
      {labels.map((label) => (
        <bdi key={label} class="chip" title={label}>
          {label}
        </bdi>
      ))}
    </span>
  );
}

interface EmptyProps {
  readonly title: string;
  /** Whether it fills the page. Then its title is the heading of the page. */
  readonly isPage?: boolean;
  readonly children?: ComponentChildren;
}

export function Empty({ title, isPage = false, children }: EmptyProps) {
  const Title = isPage ? "h1" : "h2";
  return (
    <div class="empty stack gap-12">
      <Title>{title}</Title>
      {children}
    </div>
  );
}

export function NotYours({ what }: { readonly what: string }) {
  const { holder } = useSession();
  return (
    <Empty isPage title={`Your token does not open ${what}`}>
      <p>It has the role {holder.role}. Sign in with a token that has the role owner or admin.</p>
    </Empty>
  );
}

/** What stands in the place of rows that are not read yet. It is as high as rows are, so that nothing moves later. */
export function Skeleton() {
  return <div class="skeleton" aria-hidden="true" />;
}

/* SECTION: The one polite live region: what changed is read out, and a note can also be seen for some seconds. */

const SHOWN_FOR_MS = 6000;
/** Screen readers need a moment to read it before it leaves the page. */
const READ_FOR_MS = 3000;

interface Notice {
  readonly key: number;
  readonly text: string;
  readonly kind: "heard" | "note" | "problem";
  /** Of a page of the console. */
  readonly link?: { readonly href: string; readonly text: string } | undefined;
}

const [Provider, useNotices] = contextOf<ReturnType<typeof noticesIn>>("live region");

export { useNotices };

function noticesIn(setShown: (change: (all: readonly Notice[]) => readonly Notice[]) => void) {
  let lastKey = 0;
  const dismiss = (key: number) => setShown((all) => all.filter((notice) => notice.key !== key));
  function add(notice: Omit<Notice, "key">): void {
    const key = ++lastKey;
    setShown((all) => [...all, { ...notice, key }]);
    if (notice.kind === "problem" || notice.link !== undefined) return;
    setTimeout(dismiss, notice.kind === "heard" ? READ_FOR_MS : SHOWN_FOR_MS, key);
  }
  return {
    dismiss,
    /** Tells a screen reader alone. */
    announce: (text: string) => add({ text, kind: "heard" }),
    /** Shows a note, which is read out too. A problem and a link stay until they are dismissed. */
    note: (text: string, { isProblem = false, link }: { readonly isProblem?: boolean } & Pick<Notice, "link"> = {}) =>
      add({ text, kind: isProblem ? "problem" : "note", link }),
  };
}

export function NoticesProvider({ children }: { readonly children: ComponentChildren }) {
  const [shown, setShown] = useState<readonly Notice[]>([]);
  const notices = useMemo(() => noticesIn(setShown), []);
  const { dismiss } = notices;
  return (
    <Provider value={notices}>
      {children}
      <div role="status" class="notices stack">
        {shown.map(({ key, text, kind, link }) => (
          <div key={key} class={kind === "heard" ? "only-heard" : `notice row no-wrap is-${kind}`}>
            <p>
              {text}
              {link === undefined ? null : (
                <>
                  {" "}
                  <Link href={link.href} onFollow={() => dismiss(key)}>
                    {link.text}
                  </Link>
                </>
              )}
            </p>
            {kind === "heard" ? null : (
              <Button kind="quiet" aria-label="Dismiss" onClick={() => dismiss(key)}>
                <Icon name="cross" />
              </Button>
            )}
          </div>
        ))}
      </div>
    </Provider>
  );
}

const COPIED_FOR_MS = 2000;

interface CopyButtonProps {
  /** What it copies, as in "Copy run id". */
  readonly what: string;
  readonly text: string | (() => string);
  /** Shows "Copy" beside the icon, or this text. */
  readonly hasWord?: boolean | string;
  readonly icon?: IconName;
}

/** Copies a text as people see it, so that a pasted text has no hidden characters. JSON stays valid. */
export function CopyButton({ what, text, hasWord = false, icon = "copy" }: CopyButtonProps) {
  const { announce, note } = useNotices();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(setCopied, COPIED_FOR_MS, false);
    return () => clearTimeout(timer);
  }, [isCopied]);
  async function copy() {
    try {
      await navigator.clipboard.writeText(seen(typeof text === "string" ? text : text()));
      setCopied(true);
      announce("Copied");
    } catch {
      note("The browser did not allow the page to copy. Select the text and copy it yourself.", { isProblem: true });
    }
  }
  return (
    <Button kind="quiet" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={copy}>
      <Icon name={isCopied ? "check" : icon} />
      {hasWord ? <span aria-hidden="true">{isCopied ? "Copied" : hasWord === true ? "Copy" : hasWord}</span> : null}
    </Button>
  );
}

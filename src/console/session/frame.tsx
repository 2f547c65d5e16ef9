/** What stands around every page: the scope, the navigation, the help and the way out. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { countText } from "../../words/statuses.ts";
import { useGateNews } from "../gates/gate-news.tsx";
import { PauseBanner } from "../gates/pause.tsx";
import { HelpDialog, useKeys } from "../keys.tsx";
import { type Page, pathOf, type Scope } from "../pages.ts";
import { hrefOf, Link, useRouter } from "../router.tsx";
import { useOnChange } from "../ui/load.tsx";
import { Brand } from "../ui/parts.tsx";
import { EnvironmentDialog } from "./environment-dialog.tsx";
import { type ActiveSession, useSession } from "./session.tsx";
import { SessionMenu } from "./session-menu.tsx";

interface FrameProps {
  /** null if the address names no page. */
  readonly page: Page | null;
  readonly scope: Scope;
  readonly children: ComponentChildren;
}

export function Frame({ page, scope, children }: FrameProps) {
  const router = useRouter();
  const session = useSession();
  const [isHelpOpen, setHelpOpen] = useState(false);
  const sections = sectionsOf(session);
  const path = page === null ? "" : `${pathOf(page)}/`;
  const current = sections.find(({ to }) => path.startsWith(`${pathOf(to)}/`));
  const tab = current?.under ?? current?.label;
  useKeys("Everywhere", [
    ...sections.map(({ label, to, keys }) => ({
      keys,
      label: `Go to ${label.toLowerCase()}`,
      run: () => router.navigate(hrefOf(to)),
    })),
    { keys: "?", label: "This help", run: () => setHelpOpen(true) },
  ]);
  const main = useRef<HTMLElement>(null);
  // Another environment shows the same page, and the list of runs stays beside one.
  const about = { ...page, envName: null, ...(page?.name === "run" && { name: "runs", id: undefined }) };
  // The focus goes to the new page, so that a screen reader reads it and Tab starts there.
  useOnChange(JSON.stringify(about), () => {
    main.current?.focus();
    window.scrollTo(0, 0);
  });
  const nav = useRef<HTMLElement>(null);
  // On a phone the navigation scrolls.
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [tab]);
  const title = `${current?.label ?? "Console"} · ${scope.p}/${scope.envName} · Action runs`;
  useEffect(() => {
    document.title = title;
  }, [title]);

  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="top row no-wrap gap-12">
        <Brand />
        <ScopeButton scope={scope} />
        <nav ref={nav} aria-label="Console">
          {sections.map(({ label, to, under }) =>
            under === undefined ? (
              <Link key={label} href={hrefOf(to)} aria-current={label === tab ? "page" : undefined}>
                {label}
                {to.name === "approvals" ? <ApprovalCount /> : null}
              </Link>
            ) : null,
          )}
        </nav>
        <SessionMenu onHelp={() => setHelpOpen(true)} />
      </header>
      {page !== null && "envName" in page ? <PauseBanner /> : null}
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
      {isHelpOpen ? <HelpDialog onClose={() => setHelpOpen(false)} /> : null}
    </div>
  );
}

interface Section {
  readonly label: string;
  readonly to: Page;
  readonly keys: string;
  /** The section whose tab leads there, if it has none of its own. */
  readonly under?: string;
}

function sectionsOf({ scope, may, holder }: ActiveSession): readonly Section[] {
  const { o, p } = scope;
  const tokens = may("tokens:manage");
  const all: readonly (Section | false)[] = [
    { label: "Runs", to: { name: "runs", ...scope }, keys: "g r" },
    { label: "Actions", to: { name: "actions", ...scope }, keys: "g a" },
    { label: "Schedules", to: { name: "schedules", ...scope }, keys: "g s" },
    // Others find these runs by the filter of the list.
    holder.mayApprove && { label: "Approvals", to: { name: "approvals", ...scope }, keys: "g p" },
    { label: "Groups", to: { name: "groups", ...scope }, keys: "g o" },
    may("webhooks:manage") && { label: "Notifications", to: { name: "notifications", ...scope }, keys: "g n" },
    tokens && { label: "Tokens", to: { name: "tokens", o, p }, keys: "g t" },
    tokens && { label: "Audit", to: { name: "audit", o, p }, keys: "g l" },
    { label: "Bulk operations", to: { name: "operations", ...scope }, keys: "g b", under: "Runs" },
  ];
  return all.filter((section) => section !== false);
}

/** How many runs wait for approval. Nothing while none does. */
function ApprovalCount() {
  const { approvals } = useGateNews();
  if (approvals === null || approvals === 0) return null;
  return (
    <span class="nav-count small">
      {countText(approvals)}
      <span class="only-heard"> waiting</span>
    </span>
  );
}

/** Shows the scope of the page. With a token of the whole project, it opens the dialog that changes the environment. */
function ScopeButton({ scope }: { readonly scope: Scope }) {
  const { holder } = useSession();
  const [isOpen, setOpen] = useState(false);
  const text = (
    <>
      <span class="is-wide muted">
        {scope.o} <span class="slash">/</span> {scope.p} <span class="slash">/</span>
      </span>{" "}
      {scope.envName}
    </>
  );
  if (holder.envName !== null) return <span class="scope cut">{text}</span>;
  return (
    <>
      <button type="button" class="scope cut" title="Change the environment" onClick={() => setOpen(true)}>
        {text}
      </button>
      {isOpen ? <EnvironmentDialog scope={scope} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

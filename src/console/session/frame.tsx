/** What stands around every page: the scope, the navigation, the help and the menu of the session. */
import type { ComponentChildren, TargetedKeyboardEvent } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { checkedPerson } from "../../client/settings.ts";
import { countText } from "../../words/statuses.ts";
import { PauseBanner, useGateNews } from "../gates/pause.tsx";
import { HelpDialog, useKeys } from "../keys.tsx";
import { type Page, pageAt, pathOf, type Scope } from "../pages.ts";
import { hrefOf, Link, useRouter } from "../router.tsx";
import { ChangeDialog, Check, TextField, useForm } from "../ui/forms.tsx";
import { useOnChange, useRead } from "../ui/load.tsx";
import { Brand, Button, Icon, useNotices } from "../ui/parts.tsx";
import { useZone } from "../ui/time.tsx";
import { type ActiveSession, useSession, useSessionStore } from "./session.tsx";
import { ENVIRONMENTS_SHOWN, firstOf, scopeOfEnvironment, shownName } from "./sign-in.ts";

interface FrameProps {
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
      <button type="button" class="button skip" onClick={() => main.current?.focus()}>
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

const NAME_RULE = "Use 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen.";

function EnvironmentDialog({ scope, onClose }: { readonly scope: Scope; readonly onClose: () => void }) {
  const router = useRouter();
  const { reader } = useSession();
  const { change, texts, field } = useForm({ name: "" });
  const { data: environments = [] } = useRead(
    (signal) => firstOf(reader.places({}, { signal }), ENVIRONMENTS_SHOWN),
    [reader],
  );
  function go(to: Scope) {
    const path = pathOf({ name: "runs", ...to });
    if (pageAt(path) === null) return change.refuse(new Map([["name", NAME_RULE]]));
    onClose();
    router.navigate(path);
  }
  return (
    <ChangeDialog
      title="Change the environment"
      change={change}
      onSubmit={() => go({ ...scope, envName: texts.name.trim() })}
      onClose={onClose}
      verb="Go"
      isLocal
    >
      <EnvironmentList environments={environments} current={scope} onChoose={go} />
      <TextField
        label={environments.length === 0 ? "Environment" : "Another environment"}
        hint={`Of ${scope.o}/${scope.p}.`}
        {...field("name")}
      />
    </ChangeDialog>
  );
}

interface EnvironmentListProps {
  readonly environments: readonly Schemas["Place"][];
  readonly current?: Scope;
  readonly onChoose: (scope: Scope) => void;
}

/** The environments to choose from. Environments are not registered, so the list has those with runs or actions. */
export function EnvironmentList({ environments, current, onChoose }: EnvironmentListProps) {
  if (environments.length === 0) return null;
  return (
    <ul class="environments card is-short" aria-label="Environments">
      {environments.map((environment) => {
        const scope = scopeOfEnvironment(environment);
        const { o, p, envName } = scope;
        const isCurrent = current?.o === o && current.p === p && current.envName === envName;
        return (
          <li key={`${o}/${p}/${envName}`}>
            <button
              type="button"
              class="environment"
              aria-current={isCurrent ? "true" : undefined}
              onClick={() => onChoose(scope)}
            >
              <span class="muted">
                {o} / {p} /
              </span>{" "}
              <strong>{envName}</strong>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

const NOT_TOLD = "You are signed out here, but the service could not be told. The session ends by itself.";

/** The browser closes the menu on Escape or a press elsewhere, and gives the focus back to the button. */
function SessionMenu({ onHelp }: { readonly onHelp: () => void }) {
  const { holder, person } = useSession();
  const { timeZone, switchTo } = useZone();
  const store = useSessionStore();
  const router = useRouter();
  const { note } = useNotices();
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLFieldSetElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [isNaming, setNaming] = useState(false);
  const actsFor = holder.mayActForOthers ? person : null;
  const name = shownName(holder);
  /** What opens a dialog gives the focus back to the button first, because the menu is closed when the dialog closes. */
  const leadingTo = (open: () => void) => () => {
    menu.current?.hidePopover();
    button.current?.focus();
    open();
  };
  async function signOut() {
    const ended = store.end();
    router.navigate(hrefOf({ name: "sign-in" }));
    try {
      await ended;
    } catch {
      note(NOT_TOLD, { isProblem: true });
    }
  }
  function move(event: TargetedKeyboardEvent<HTMLElement>) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    menu.current?.showPopover();
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("input, button") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    items.at(at === -1 && step === -1 ? -1 : (at + step) % items.length)?.focus();
  }
  return (
    <>
      <button
        ref={button}
        type="button"
        class="button"
        title={`Signed in as ${name}`}
        aria-label={`Signed in as ${name}${actsFor === null ? "" : ` for ${actsFor}`}`}
        aria-expanded={isOpen}
        aria-controls={id}
        popovertarget={id}
        onKeyDown={move}
      >
        <Icon name="person" />
        <bdi class="is-wide cut">{name}</bdi>
        {actsFor === null ? null : <bdi class="is-wide cut"> for {actsFor}</bdi>}
      </button>
      <fieldset
        ref={menu}
        id={id}
        class="menu stack"
        popover="auto"
        aria-label="Session"
        onKeyDown={move}
        onBeforeToggle={({ newState }) => setOpen(newState === "open")}
      >
        <p>
          Signed in as <strong class="break">{name}</strong>, <span class="muted">{holder.role}</span>
        </p>
        {holder.issuer === null ? null : (
          <p class="muted">
            Through <bdi>{holder.issuer}</bdi>, with the token <bdi>{holder.name}</bdi>.
          </p>
        )}
        {holder.mayActForOthers ? (
          <>
            <p>
              {person === null ? (
                "You act for nobody in particular. A change of a run with gates needs a person."
              ) : (
                <>
                  You act on behalf of <bdi class="break">{person}</bdi>.
                </>
              )}
            </p>
            <Button onClick={leadingTo(() => setNaming(true))}>On behalf of …</Button>
          </>
        ) : null}
        <Check isOn={timeZone === "UTC"} onChange={() => switchTo(timeZone !== "UTC")}>
          Show times in UTC
        </Check>
        <Button onClick={leadingTo(onHelp)}>
          Keyboard shortcuts <kbd>?</kbd>
        </Button>
        <Button onClick={signOut}>Sign out</Button>
      </fieldset>
      {isNaming ? <PersonDialog onClose={() => setNaming(false)} /> : null}
    </>
  );
}

function PersonDialog({ onClose }: { readonly onClose: () => void }) {
  const { holder, person, actFor } = useSession();
  const { change, texts, field } = useForm({ person: person ?? "" });
  function choose() {
    const named = texts.person.trim();
    try {
      actFor(named === "" ? null : checkedPerson(named));
      onClose();
    } catch {
      change.refuse(new Map([["person", "Use 1 to 255 visible ASCII characters without spaces."]]));
    }
  }
  return (
    <ChangeDialog title="On behalf of" change={change} onSubmit={choose} onClose={onClose} verb="Use" isLocal>
      <p>
        Each change that you make on this page then names this person. A person grants nothing: what you may do is what
        your token may do.
      </p>
      <TextField
        label="Person"
        hint={`For example an e-mail address. Empty: ${holder.person ?? "nobody in particular"}. If you load the page again, you must name the person again.`}
        {...field("person")}
      />
    </ChangeDialog>
  );
}

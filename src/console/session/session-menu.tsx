/**
 * The one menu of the header: who is signed in, for whom the page acts, in which time zone times are shown, the keyboard
 * shortcuts, and the way out. The browser closes it on Escape, or when somebody presses elsewhere, and then gives the
 * focus back to the button.
 */
import type { TargetedKeyboardEvent } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { checkedPerson } from "../../client/settings.ts";
import { hrefOf, useRouter } from "../router.tsx";
import { ChangeDialog, Check, TextField, useForm } from "../ui/forms.tsx";
import { Button, Icon, useNotices } from "../ui/parts.tsx";
import { useZone } from "../ui/time.tsx";
import { useSession, useSessionStore } from "./session.tsx";
import { shownName } from "./sign-in.ts";

export function SessionMenu({ onHelp }: { readonly onHelp: () => void }) {
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
      note("You are signed out here, but the service could not be told. The session ends by itself.", {
        isProblem: true,
      });
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
        class="button session-button"
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

const PERSON = "person";

function PersonDialog({ onClose }: { readonly onClose: () => void }) {
  const { holder, person, actFor } = useSession();
  const { change, texts, field } = useForm({ [PERSON]: person ?? "" });
  function choose() {
    const named = texts[PERSON].trim();
    try {
      actFor(named === "" ? null : checkedPerson(named));
      onClose();
    } catch {
      change.refuse(new Map([[PERSON, "Use 1 to 255 visible ASCII characters without spaces."]]));
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
        {...field(PERSON)}
      />
    </ChangeDialog>
  );
}

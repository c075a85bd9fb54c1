import { Phone } from "lucide";
import type { ComponentChildren, JSX } from "preact";
import { clockTime } from "#shared/clock.ts";
import { type Company, type Logo, telephoneLink } from "#shared/company.ts";
import { Icon } from "#shared/icon.tsx";
import { Record, type RecordRow } from "#shared/record.tsx";
import type { Words } from "../words/words.js";
import type { Fact } from "./view.js";

/** The state in words. Focus comes here when the part that had it went away. */
export function Headline(props: {
  readonly children: ComponentChildren;
  readonly small?: boolean;
}): JSX.Element {
  return (
    <h1 class={props.small ? "headline headline-small" : "headline"} tabIndex={-1}>
      {props.children}
    </h1>
  );
}

export function Lead({ text }: { readonly text: string | null }): JSX.Element | null {
  return text === null ? null : <p class="lead">{text}</p>;
}

export function Button(props: {
  readonly main?: boolean;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <button
      type="button"
      class={props.main ? "button button-main" : "button"}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

/** The company's number, as a link and as text: in some apps the link does nothing. */
export function CallButton(props: {
  readonly words: Words;
  readonly company: Company;
}): JSX.Element | null {
  const { words, company } = props;
  return company.phone === null ? null : (
    <a class="button" href={telephoneLink(company.phone)}>
      <Icon node={Phone} />
      {words.ended.call(company.phone)}
    </a>
  );
}

/** Whose page it is: logo or first letter, and the name, in words even beside a logo. */
export function Brand(props: { readonly words: Words; readonly company: Company }): JSX.Element {
  const { words, company } = props;
  return (
    <p class="brand">
      {company.logo !== null && <LogoPicture logo={company.logo} />}
      {company.logo === null && company.name !== null && (
        <span class="brand-mark" aria-hidden="true">
          {[...company.name][0]}
        </span>
      )}
      <span class="brand-name">{company.name ?? words.company}</span>
    </p>
  );
}

/** A picture that does not load leaves no broken frame behind: the name stands there anyway. */
function LogoPicture({ logo }: { readonly logo: Logo }): JSX.Element {
  return (
    <img
      class="brand-logo"
      src={logo.url}
      width={logo.width}
      height={logo.height}
      alt=""
      onError={({ currentTarget }) => {
        currentTarget.hidden = true;
      }}
    />
  );
}

/** The other ways to reach the company: by phone, and its own links, which open beside this page. */
export function OtherWays(props: {
  readonly words: Words;
  readonly company: Company;
}): JSX.Element {
  const { words, company } = props;
  const hours = company.hours[words.lang];
  const links = company.links.filter(({ lang }) => lang === null || lang === words.lang);
  return (
    <>
      <CallButton words={words} company={company} />
      {hours !== undefined && <p class="hours">{hours}</p>}
      {links.map(({ text, url }) => (
        <a key={url} class="button" href={url} target="_blank" rel="noopener noreferrer">
          {text}
        </a>
      ))}
    </>
  );
}

export function Reference(props: {
  readonly words: Words;
  readonly id: string | null;
}): JSX.Element | null {
  return props.id === null ? null : <p class="reference">{props.words.reference(props.id)}</p>;
}

/** The record of this wait, in the words of the page's language. */
export function Facts(props: {
  readonly facts: readonly Fact[];
  readonly words: Words;
}): JSX.Element | null {
  const { facts, words } = props;
  if (facts.length === 0) return null;
  return <Record label={words.record.label} rows={facts.map((fact) => rowOf(fact, words))} />;
}

function rowOf(fact: Fact, words: Words): RecordRow {
  const at = "at" in fact ? fact.at : null;
  const time = at === null ? "" : clockTime(at, words.lang);
  switch (fact.kind) {
    case "looking": {
      const row = { key: "now", time: words.record.now, mark: "current" } as const;
      const text = words.record.looking;
      if (fact.minutes === null) return { ...row, text };
      const detail = fact.minutes < 1 ? words.underAMinute : words.minutes(fact.minutes);
      return { ...row, text, detail };
    }
    case "reconnecting":
      return {
        key: "now",
        time: words.record.now,
        mark: "broken",
        text: words.cutOff.reconnecting,
      };
    case "agentJoined":
      return { key: fact.kind, time, mark: "done", text: words.record.agentJoined(fact.name) };
    case "back":
      return { key: fact.kind, time, mark: "done", text: words.cutOff.back };
    case "stopped":
    case "ended":
    case "conversationEnded":
      return { key: "end", time, mark: "closed", text: words.record[fact.kind] };
    default:
      return { key: fact.kind, time, mark: "done", text: words.record[fact.kind] };
  }
}

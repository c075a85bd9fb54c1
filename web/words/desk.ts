import type { Answer } from "../desk/answers.js";

/**
 * Every text of the agent desk. One file for each language implements this, so that a missing text is
 * a compile error. Variables are arguments: a language never glues a suffix to one of them.
 */
export interface DeskWords {
  /** Language of the texts, as in `<html lang>`. */
  readonly lang: "en" | "tr";
  /** The other language, in its own words. */
  readonly otherLanguage: string;
  readonly title: string;

  readonly signingIn: string;
  readonly opening: string;
  /** The server is not reached. */
  readonly slow: string;

  readonly refused: {
    readonly title: string;
    text(code: string): string;
    readonly link: string;
    readonly linkText: string;
    readonly over: string;
    readonly overText: string;
    readonly fault: string;
    readonly tryAgain: string;
  };
  readonly elsewhere: { readonly title: string; readonly text: string; readonly useHere: string };
  readonly notWaiting: {
    readonly title: string;
    readonly lookAgain: string;
    readonly showList: string;
  };
  cutOff(time: string): string;

  /** Whether the agent takes what is offered. */
  readonly duty: {
    readonly available: string;
    readonly away: string;
    /** Away without having said so: an offer was not answered, or the desk was gone. */
    readonly missed: string;
    readonly lost: string;
    since(time: string): string;
    readonly back: string;
    readonly failed: string;
    /** The company's own queue decides who is asked. */
    readonly elsewhere: string;
    readonly noted: string;
  };
  readonly offers: {
    readonly title: string;
    left(seconds: number): string;
    readonly pass: string;
    readonly passing: string;
    readonly unsure: string;
    readonly missed: string;
    readonly gone: string;
  };
  readonly sound: { readonly on: string; readonly off: string };

  /** The three parts of the desk, as the tabs of a narrow window. */
  readonly panes: { readonly waiting: string; readonly chat: string; readonly customer: string };
  readonly list: {
    readonly title: string;
    readonly none: string;
    noneSince(time: string): string;
    readonly unknown: string;
    /** Whoever waits is offered to this agent. */
    readonly allOffered: string;
    /** So many more wait than are shown. */
    beyond(n: number): string;
    place(n: number): string;
    /** Somebody is being asked to take this one. */
    readonly offered: string;
    readonly accept: string;
    readonly taking: string;
    readonly unsure: string;
    readonly notNow: string;
    readonly longWait: string;
    readonly here: string;
    readonly away: string;
    awaySince(time: string): string;
    readonly back: string;
  };
  /** Why a row is not there any more. */
  readonly loss: {
    readonly left: string;
    readonly replaced: string;
    readonly closed: string;
    readonly notDelivered: string;
    readonly ranOut: string;
    readonly away: string;
    readonly failed: string;
    readonly gone: string;
    readonly taken: string;
    takenBy(name: string): string;
  };
  /** Closing a request, which only supervisors may. */
  readonly close: {
    readonly close: string;
    readonly ask: string;
    readonly sending: string;
    readonly failed: string;
    readonly noRight: string;
  };
  readonly kinds: {
    readonly chat: string;
    readonly voice_call: string;
    readonly video_call: string;
  };

  readonly mine: {
    readonly title: string;
    readonly none: string;
    unread(n: number): string;
    unanswered(minutes: number): string;
    readonly over: string;
  };
  readonly chat: {
    readonly none: string;
    readonly noneText: string;
    readonly messages: string;
    readonly empty: string;
    readonly you: string;
    typing(name: string): string;
    /** How far one's own message has come. */
    readonly sent: string;
    readonly delivered: string;
    readonly read: string;
    composer(name: string): string;
    readonly hint: string;
    readonly send: string;
    readonly sending: string;
    readonly waiting: string;
    readonly refused: string;
    readonly again: string;
    readonly end: string;
    readonly endAsk: string;
    readonly yes: string;
    readonly no: string;
    readonly ending: string;
    readonly endFailed: string;
    readonly over: string;
    readonly overBy: {
      readonly agent: string;
      readonly customer: string;
      readonly company: string;
      readonly agent_lost: string;
      readonly customer_lost: string;
    };
    readonly close: string;
  };
  /** The staff's own, which the customer does not see. */
  readonly notes: {
    readonly title: string;
    readonly label: string;
    readonly save: string;
    /** Written on another conversation with the same customer. */
    readonly earlier: string;
    readonly sending: string;
    readonly waiting: string;
    readonly refused: string;
    readonly failed: string;
    readonly again: string;
  };
  /** Texts that the agent has ready. */
  readonly answers: {
    readonly title: string;
    readonly hint: string;
    /** Said to people who do not see that answers are offered. */
    found(n: number): string;
    readonly insert: string;
    readonly edit: string;
    readonly remove: string;
    readonly add: string;
    readonly shortcut: string;
    readonly taken: string;
    readonly text: string;
    readonly save: string;
    readonly cancel: string;
    readonly close: string;
    /** Takes the standard ones again. */
    readonly standard: string;
    readonly standardOnes: readonly Answer[];
  };
  readonly record: {
    readonly label: string;
    readonly joined: string;
    readonly accepted: string;
    acceptedAfter(minutes: number): string;
    readonly ended: string;
  };
  readonly customer: {
    readonly title: string;
    readonly none: string;
    readonly name: string;
    readonly number: string;
    readonly reference: string;
    readonly kind: string;
    readonly attached: string;
    readonly unknown: string;
    readonly show: string;
    readonly hide: string;
    /** Somebody whose name is not known. */
    unnamed(number: string): string;
  };

  readonly settings: {
    readonly title: string;
    readonly comfortable: string;
    readonly notices: string;
    readonly noticesRefused: string;
    readonly close: string;
  };

  /** Notifications of the system; nothing of a customer. */
  readonly notices: { readonly waiting: string; readonly message: string };

  readonly shortcuts: {
    readonly title: string;
    readonly chat: string;
    readonly next: string;
    readonly accept: string;
    readonly pass: string;
    readonly end: string;
    readonly use: string;
  };

  minutes(n: number): string;
  readonly underAMinute: string;

  /** Said to people who do not see the desk. */
  readonly announce: {
    more(n: number): string;
    offer(name: string): string;
    message(name: string): string;
    over(name: string): string;
    readonly noted: string;
    readonly back: string;
  };
}

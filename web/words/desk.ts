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

  /** The three parts of the desk, as the tabs of a narrow window. */
  readonly panes: { readonly waiting: string; readonly chat: string; readonly customer: string };
  readonly list: {
    readonly title: string;
    readonly none: string;
    noneSince(time: string): string;
    readonly unknown: string;
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

  readonly shortcuts: {
    readonly title: string;
    readonly chat: string;
    readonly next: string;
    readonly end: string;
    readonly use: string;
    readonly close: string;
  };

  minutes(n: number): string;
  readonly underAMinute: string;

  /** Said to people who do not see the desk. */
  readonly announce: {
    more(n: number): string;
    message(name: string): string;
    over(name: string): string;
    readonly back: string;
  };
}

/** Development page: `?state=…&lang=…&company={…}` shows one screen, without them a list of all. */

import { render } from "preact";
import { Announcer } from "#shared/announce.ts";
import { companyOf } from "#shared/company.ts";
import type { Actions } from "../help/actions.js";
import { Attention } from "../help/attention.js";
import * as chat from "../help/chat.js";
import * as devices from "../help/devices.js";
import { Page } from "../help/page.js";
import { en } from "../words/en.js";
import { tr } from "../words/tr.js";
import { worded } from "../words/worded.js";
import { samples } from "./samples.js";

const nothing = () => {};

const ACTIONS: Actions = {
  choose: nothing,
  askAgain: nothing,
  retryStart: nothing,
  chooseAgain: nothing,
  showCurrent: nothing,
  useHere: nothing,
  tryNow: nothing,
  askToStop: nothing,
  keepPlace: nothing,
  stop: nothing,
  write: nothing,
  draft: nothing,
  drafted: "",
  read: nothing,
  writeAgain: nothing,
  endConversation: nothing,
  keepWaiting: nothing,
  toggleTime: nothing,
  toggleSound: nothing,
  tryDevices: nothing,
  chooseDevice: nothing,
  closeDevices: nothing,
  showPicture: nothing,
  showLevel: nothing,
  switchLanguage: nothing,
  close: nothing,
};

function show(root: HTMLElement, status: HTMLElement): void {
  const query = new URLSearchParams(location.search);
  const company = companyOf(query.get("company") ?? "");
  const built = query.get("lang") === "tr" ? tr : en;
  const words = worded(built, company.texts[built.lang]);
  const view = samples[query.get("state") ?? ""];
  document.documentElement.lang = words.lang;
  if (view === undefined) {
    render(<Contents />, root);
    return;
  }
  render(
    <Page view={view} words={words} company={company} actions={ACTIONS} late={{ chat, devices }} />,
    root,
  );
  new Attention(document, new Announcer(status), company).shown(view, words);
}

function Contents() {
  return (
    <main class="main">
      <h1>Every screen</h1>
      <ul>
        {Object.keys(samples).map((name) => (
          <li key={name} data-name={name}>
            {name}: <a href={`?state=${name}&lang=en`}>English</a>{" "}
            <a href={`?state=${name}&lang=tr`}>Türkçe</a>
          </li>
        ))}
      </ul>
    </main>
  );
}

const root = document.getElementById("page");
const status = document.getElementById("status");
if (root !== null && status !== null) show(root, status);

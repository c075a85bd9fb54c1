/** The guide names every documented name of the mobile SDKs, and nothing here that does not exist. */

import { describe, expect, it } from "vitest";
import guide from "../../docs/sdk.md?raw";
import * as sdk from "../src/index.js";

const DOCUMENTED_METHODS = [
  ...["diyalogInstance", "createDiyalog", "Initialize", "waitForReady", "setContext"],
  ...["onConfigureDiyalogEngine", "setEndpoints", "endpoints", "setApiAppId", "apiId"],
  ...["setApiAppKey", "apiKey", "setTrustedKeys", "trustedKeys", "setAppName"],
  ...["setApplicationLanguage", "setLocalizationLanguage", "setAppIcon", "setAppLogo", "setPushId"],
  ...["apiPushId", "setCallsEnabled", "setenableCalls", "setHomeBackButtonEnabled"],
  ...["setisSupportBackButton", "setGroupChatEnabled", "setSupportedMimeType", "fileSupport"],
  ...["setGoogleAPIKey", "storeDeviceToken", "processPushMessage", "getDeviceHash"],
  ...[
    "startAnonymousOnlineHelp",
    "OnlineHelpType",
    "OnlineHelpStartResult",
    "OnlineHelpStartError",
  ],
  ...["closeMessaging", "startOnlineHelp", "startOnlineHelpWithAttachedData"],
  ...["startVideoCallWithAttachedDataInBackground", "stopVideoCall", "stopVideoCallForNewCustomer"],
  ...[
    "VideoCallResult",
    "VideoCallError",
    "startTokenAuthInBackground",
    "startTokenAuthForOpenDlg",
  ],
  ...["startTokenAuth", "startDomainUserTokenAuth", "startDomainUserTokenAuthInBackground"],
  ...["TokenAuthResponse", "TokenAuthError", "getActiveSessions", "startMessagingWithUserId"],
  ...["deleteSessionOfUser", "subscribeToTotalUnreadCountEvent"],
  ...["subscribeToOnlineHelpChatStateEvent", "unsubscribeToOnlineHelpChatStateEvent"],
  ...["subscribeToCallStateWithTxCodeEvent", "unSubscribeToCallStateWithTxCodeEvent"],
  ...["unsubscribeToCallStateWithTxCodeEvent", "subscribeToWaitReleasedEvent"],
  ...["subscribeToManageCallEvent", "getManageCallEventData", "unsubscribeToManageCallEvent"],
  ...["turnBackToVideoCall", "sendMessageToRemote"],
];

const DOCUMENTED_STATES = [
  ...["NO_CHAT", "STARTED", "CHAT_INPROGRESS", "CHAT_ENDED"],
  ...["NO_CALL", "RINGING", "CONNECTING", "IN_PROGRESS", "ENDED", "CALL_ACTIVITY_DESTROYED"],
  ...["NO_EVENT", "CALL_MINIMIZED", "MESSAGE_RECEIVED", "START_OPERATION"],
  "diyalog.camerastartedincall",
];

const DOCUMENTED_CODES = [
  ...["DLGEXCPINP_DVCID", "DLGEXCPINP_CSTID", "DLGEXCPINP_CSTNM", "DLGEXCPINP_TKN"],
  ...["DLGEXCPINP_SESID", "DLGEXCPINP_USRID", "DLGEXCPINP_USRNM", "DLGEXCPSRV_INVLDNM"],
  ...["DLGEXCPSRV_FRBDNCST", "DLGEXCPSRV_TXHSHEXP", "DLGEXCPSRV_TKNNOTVLD"],
  ...["DLGEXCPSRV_AUTHSRVERR", "DLGEXCPSRV_BADREQ", "DLGEXCPSRV_TKNEXP", "DLGEXCPSRV_TKNINVLD"],
  ...["DLGEXCPSRV_DVCIDINVLD", "DLGEXCPSRV_SIDINVLD", "DLGEXCPSRV_AUTHSRVINACC"],
  ...["DLGEXCPSRV_INTERR", "DLGEXCPSRV_CONNERR", "DLGEXCPINP_CUSTOMER_ID"],
  ...["DLGEXCPINP_CUSTOMER_NAME_IS_EMPTY", "DLGEXCPINP_TRXHASH_IS_EMPTY"],
  ...["DLGEXCPINP_INVALID_HELP_TYPE", "DLGEXCP_AUTH_REQUEST", "DLGEXCP_COMPLETE_AUTH"],
  ...["DLGEXCP_USER_IS_IN_CALL_NOW", "DLGEXCP_CUSTOMER_NOT_ACTIVE_IN_DEVICE"],
  ...["DLGEXCP_GENERAL_EXCEPTION", "DLGEXCP_NOT_SUPPORTED_FEATURE", "DLGEXCPINP_IDNUMBER"],
];

const DOCUMENTED_CONSTANTS = [
  ...["CUSTOMERID_SHOULD_BE_PASSED", "CUSTOMER_NAME_IS_EMPTY", "TRANSACTION_HASH_IS_EMPTY"],
  ...["INVALID_HELP_TYPE", "EXCEPTION_IN_AUTH_REQUEST", "EXCEPTION_IN_COMPLETE_AUTH"],
  ...["EXCEPTION_IN_USER_IS_INCALL_NOW", "EXCEPTION_CUSTOMER_NOT_ACTIVE_IN_DEVICE"],
  ...["GENERAL_EXCEPTION", "NOT_SUPPORTED_FEATURE", "IDNUMBER_SHOULD_BE_PASSED"],
];

/** The two codes that are no mobile SDK's: a lost cancel, and a call before the activation. */
const OWN_CODES = ["WAIT_ENDED", "NOT_ACTIVATED"];

/** Exports of the SDK that are no class and no function of its own kind. */
const METHODS = Object.getOwnPropertyNames(sdk.Diyalog.prototype).filter(
  (name) => name !== "constructor",
);

/** The rows of a section's table, cell by cell. */
function table(heading: string): string[][] {
  const start = guide.indexOf(`\n${heading}\n`);
  const section = guide.slice(start + heading.length + 2).split(/\n#{2,3} /)[0] ?? "";
  const rows = [...section.matchAll(/^\| (.+) \|$/gm)].map(([, row]) => row?.split(" | ") ?? []);
  return rows.slice(2);
}

function names(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");
}

function documented(heading: string): string[] {
  return table(heading).flatMap(([cell]) => names(cell));
}

describe("the guide", () => {
  it("has every documented method, once", () => {
    expect(documented("### Methods").sort()).toEqual([...DOCUMENTED_METHODS].sort());
  });

  it("has every documented state, once, and the SDK's lists are these", () => {
    expect(documented("### States").sort()).toEqual([...DOCUMENTED_STATES].sort());
    const here = [...sdk.CHAT_STATES, ...sdk.CALL_STATES, ...sdk.CALL_EVENTS];
    const elsewhere = ["CALL_ACTIVITY_DESTROYED", "NO_EVENT", "diyalog.camerastartedincall"];
    expect([...here, ...elsewhere].sort()).toEqual([...DOCUMENTED_STATES].sort());
  });

  it("has every code of the SDK with its name and its two texts, and no other", () => {
    const rows = table("## Errors").map(([code, name, , english, turkish]) => [
      names(code)[0],
      names(name)[0],
      english,
      turkish,
    ]);
    const expected = Object.entries(sdk.ERROR).map(([name, code]) => [
      code,
      name,
      sdk.errorText(code, "en"),
      sdk.errorText(code, "tr"),
    ]);
    expect(rows.sort()).toEqual(expected.sort());
    expect(rows.map(([code]) => code).sort()).toEqual([...DOCUMENTED_CODES, ...OWN_CODES].sort());
  });

  it("says which code each documented constant stands for", () => {
    const cells = table("## Errors").flatMap(([, , when]) => names(when));
    for (const constant of DOCUMENTED_CONSTANTS) expect(cells).toContain(constant);
  });

  it("tells what every method of the SDK does", () => {
    const told = table("## Calls").flatMap(([call, does]) => [...names(call), ...names(does)]);
    const calls = told.flatMap((name) => /^diyalog\.(\w+)\(/.exec(name)?.[1] ?? []);
    expect([...new Set(calls)].sort()).toEqual([...METHODS].sort());
  });

  it("names no method and no export that does not exist", () => {
    const called = [...guide.matchAll(/diyalog\.(\w+)\(/g)].map(([, name]) => name ?? "");
    for (const name of called) expect(METHODS).toContain(name);
    for (const name of ["errorText", "chatStateOf", "DiyalogError", "HELP_TYPES", "CALL_EVENTS"]) {
      expect(guide).toContain(`\`${name}`);
      expect(Object.keys(sdk)).toContain(name);
    }
  });
});

describe("the texts", () => {
  it("are the documented ones, letter by letter", () => {
    expect(sdk.errorText("DLGEXCPINP_TKN", "tr")).toBe("diyalogToken parametresi dolu olmalıdır.");
    expect(sdk.errorText("DLGEXCPSRV_TKNEXP", "tr")).toBe("dlgToken süresi dolmuş");
    expect(sdk.errorText("DLGEXCPSRV_INVLDNM", "en")).toBe("Customer id is invalid.");
  });

  it("of a code that is not known is the general one", () => {
    for (const code of ["TOKEN_UNKNOWN", "toString", ""]) {
      expect(sdk.errorText(code, "en")).toBe("Something went wrong.");
    }
  });
});

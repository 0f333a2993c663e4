# Was Bots sagen. Jeder Text sagt, was geschah, was es gekostet hat und was man als Nächstes tun kann.

about-image-square = Bilder aus Worten: quadratisch, für alles.
about-image-tall = Bilder aus Worten: hochkant, für Menschen und Plakate.
about-image-wide = Bilder aus Worten: breit, für Landschaften und Bildschirme.
about-video-square = Kurze Filme aus Worten: quadratisch.
about-video-tall = Kurze Filme aus Worten: hochkant, fürs Telefon.
about-video-wide = Kurze Filme aus Worten: breit.

start-image = Hallo! Ich bin { $name }. Schreib in deinen Worten, was du sehen willst, und ich zeichne es. Schick ein Foto mit Text dazu, und ich gehe davon aus.
    Heute hast du { $balance }; ein normales Bild kostet 1 Token.
start-video = Hallo! Ich bin { $name }. Schreib in deinen Worten, was geschehen soll, und ich filme es.
    Heute hast du { $balance }.
start-try = Zum Beispiel: { $example }
example-image = ein Leuchtturm im Sturm, in der Dämmerung
example-video = Wellen unter einem aufgehenden Mond
help =
    Schreib, was du willst, und ich mache es. In Gruppen: /{ $command } und deine Worte, oder erwähne mich.
    Antworte auf ein Ergebnis mit neuen Worten, dann mache ich es neu.

    /{ $command } deine Worte
    /settings wie viele, welches Modell, welche Form
    /jobs was gerade läuft und was du abbrechen kannst
    /balance was du hast und wann es mehr gibt
    /receipts jedes Token, Zeile für Zeile
    /plans mehr Token am Tag
    /link ein Guthaben auf Telegram, Discord und der Website
    /language wie ich mit dir rede

command-imagine = Ein Bild aus Worten machen
command-video = Einen kurzen Film aus Worten machen
command-settings = Wie viele, welches Modell, welche Form
command-jobs = Was gerade läuft
command-balance = Was du hast und wann es mehr gibt
command-receipts = Jedes Token, Zeile für Zeile
command-plans = Mehr Token am Tag
command-link = Überall ein Guthaben
command-language = Wie ich mit dir rede
command-help = Was ich kann

status-waiting = { $position ->
    [0] Als Nächstes dran{ $wait ->
        [none] .
       *[other] { " " }· fertig in { $wait }.
    }
   *[other] In der Schlange: { $position } vor dir{ $wait ->
        [none] .
       *[other] { " " }· fertig in { $wait }.
    }
}
status-accepted = Angenommen. { $wait ->
    [none] Es geht bald los.
   *[other] Fertig in { $wait }.
}
status-retrying = Der Versuch ist misslungen, also noch einer. Er kostet nichts extra.
status-loading = { $model } wird geladen…
status-running = In Arbeit: { $percent } %
status-storing = Fast fertig…
status-held = { $cost } zurückgelegt, bis es fertig ist.

result-caption = { $model } · { $size }{ $seed ->
    [none] { "" }
   *[other] { " " }· Seed { $seed }
}
result-cost = { $cost } · { $job }
result-nowhere = Es ist zu groß für diesen Chat ({ $size }). Es liegt in deinem Konto auf der Website.
result-gone = Die Datei ist nicht mehr da. „Nochmal“ macht sie neu.

ended-failed = Es hat nicht geklappt: { $reason }
ended-cancelled = Abgebrochen.
ended-expired = Es ging sich in der Zeit nicht aus und wurde aufgegeben.
ended-refused = Es wurde nicht gemacht: { $reason }
ended-refund = Nichts wurde berechnet: { $cost } gehören wieder dir. { $job }
ended-next = „Nochmal“ versucht es noch einmal.

failure-outOfMemory = der Grafikkarte ging der Speicher aus. Eine kleinere Größe könnte passen.
failure-modelMissing = das Modell ist nicht mehr da.
failure-modelLoadFailed = das Modell ließ sich nicht laden.
failure-engineCrashed = die Engine ist dabei stehen geblieben.
failure-engineUnreachable = die Engine war nicht zu erreichen.
failure-engineError = die Engine hat einen Fehler gemeldet.
failure-timedOut = es hat länger gedauert, als es darf.
failure-outputInvalid = das Ergebnis war beschädigt.
failure-outputMissing = das Ergebnis kam nicht an.
failure-workerCrashed = der Rechner ist dabei stehen geblieben.
failure-invalidInput = mit der Datei oder den Einstellungen lässt sich nicht arbeiten.
failure-unsupported = das kann die Engine nicht.
failure-contentRefused = es ist gegen die Regeln dieses Bots.
failure-poisoned = es hat zwei Rechner umgeworfen und wird nicht mehr versucht.
failure-deadlineExceeded = es wurde nicht rechtzeitig fertig.

button-cancel = ✕ Abbrechen
button-again = ↻ Nochmal
button-vary = ≈ Variieren
button-upscale = ⤢ Vergrößern
button-edit = ✎ Worte ändern
button-seed = ⚘ Seed merken
button-file = ⇩ Als Datei
button-back = ‹ Zurück

pressed-cancelled = Abgebrochen. Deine Token sind zurück.
pressed-too-late = Es ist schon zu Ende.
pressed-not-yours = Das kann nur, wer darum gebeten hat.
pressed-unknown = Diesen Knopf kenne ich nicht mehr. Schreib deine Worte bitte neu.
pressed-taken = Angenommen.
pressed-file = Hier kommt sie, wie sie gemacht wurde.
edit-ask = Antworte auf diese Nachricht mit den neuen Worten für { $job }. Bisher:
seed-used = Seed { $seed } gilt für deine nächsten Wünsche. /settings vergisst ihn.
upscale-none = Gerade gibt es hier kein Modell, das vergrößert.

refused-insufficient_tokens = Das kostet { $needed }, und du hast { $balance }. Die nächsten { $grant } kommen { $resets }.
    Nichts wurde berechnet. /plans hat mehr für jeden Tag.
refused-cheaper = Für { $cost } geht es { $how }.
how-count = einmal statt { $count }-mal
how-size = in { $size }
how-model = mit { $model }
how-less = mit weniger
refused-queue_full = Es warten so viele, dass gerade kein Platz ist. Versuch es in { $wait } wieder. Nichts wurde berechnet.
refused-too_many_jobs = Du hast so viel in Arbeit, wie eine Person darf. Warte, bis etwas fertig ist, oder brich mit /jobs etwas ab.
refused-suspended = Dein Konto ist gesperrt, daher kann nichts gemacht werden. Nichts wurde berechnet. Frag, wer diesen Bot betreibt.
refused-refused_content = Das kann hier nicht gemacht werden: Es ist gegen die Regeln dieses Bots. Nichts wurde berechnet.
refused-impossible = Nichts hier kann das machen: { $reason }
refused-model_not_allowed = Dieses Modell ist nicht in deinem Tarif. /plans sagt, in welchem; /settings wählt ein anderes.
refused-rate_limited = Das war viel auf einmal. Versuch es in { $wait } wieder.
refused-other = Das hat nicht geklappt: { $reason } Nichts wurde berechnet.
refused-empty = Schreib, was du sehen willst: /{ $command } { $example }
refused-too-long = Das ist länger, als ich lesen kann (höchstens { $max } Zeichen). Nichts wurde berechnet.
refused-file-large = Die Datei ist größer, als ich holen darf (höchstens { $max } MB). Schick eine kleinere.
refused-no-image-model = Gerade geht hier kein Modell von einem Foto aus. Schick nur die Worte, die zeichne ich.
refused-hears-not = Sprachnachrichten höre ich nicht. Schreib es bitte.
refused-hears-now = Gerade kann hier niemand zuhören. Schreib es bitte.
refused-kind = Ich arbeite mit Worten, Fotos und Sprachnachrichten. Schick etwas davon.

heard = Ich habe gehört: „{ $text }“
heard-nothing = Ich habe darin keine Worte gehört. Berechnet wurde nur das Zuhören: { $cost }.

balance-title = Du hast { $balance }.
balance-day = Von den { $grant } für heute: noch { $allowance }. Die nächsten kommen { $resets }.
balance-topup = Gekauft, und ohne Ablauf: { $topup }.
balance-held = Zurückgelegt für das, was läuft: { $held }.
balance-plan = Tarif: { $plan }. /plans
plan-free = Free
plan-starter = Starter
plan-pro = Pro
plans =
    Free: 20 Token am Tag, sobald Platz ist.
    Starter, 5 $ im Monat: 120 Token am Tag, vor Free.
    Pro, 12 $ im Monat: 300 Token am Tag, vor allen.
    1 Token ist ein Bild mit 1024×1024. Der Tag beginnt um 00:00 UTC.
plans-yours = Deiner: { $plan }.
receipts-none = Noch nichts: Du hast noch kein Token ausgegeben.
receipts-title = Das Letzte zuerst:
receipt-line = { $at } · { $change } · { $reason }
jobs-none = Gerade läuft nichts. Schreib, was du willst, um anzufangen.
jobs-title = In Arbeit:
jobs-line = { $prompt } · { $state } · { $job }
state-queued = in der Schlange
state-running = wird gemacht
link-how =
    Ein Guthaben auf Telegram, Discord und der Website. Dein Code ist { $code }, gültig bis { $until }.
    Schreib ihn dort, wo dein anderes Konto ist: /link { $code } an einen Bot dort, oder auf der Seite deines Kontos.
link-done = Verknüpft. Hier und dort hast du jetzt ein Guthaben: { $balance }.
link-unavailable = Verknüpfen ist hier nicht eingeschaltet.
link-wrong = Der Code gilt nicht (mehr). /link macht einen neuen.
settings-title = So werden deine nächsten Wünsche gemacht:
setting-model = Modell: { $value }
setting-count = Wie viele: { $value }
setting-shape = Form: { $value }
setting-style = Stil: { $value }
setting-seed = Seed: { $value }
setting-auto = das am ehesten bereite
setting-none = keiner
setting-forget-seed = Seed vergessen
shape-default = wie sonst
shape-square = quadratisch
shape-tall = hochkant
shape-wide = breit
language-title = Wie soll ich mit dir reden?
language-auto = Wie meine App
language-set = So rede ich ab jetzt mit dir.
unit-tokens = { $n ->
    [one] { $shown } Token
   *[other] { $shown } Token
}
time-at = um { $time } UTC, in { $wait }
wait-between = { $min } bis { $max }
wait-about = etwa { $max }

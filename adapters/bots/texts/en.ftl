# What bots say. Every text tells what happened, what it cost, and what to do next.
# Numbers and times come ready to read: { $cost } is "1 token", { $wait } is "40 s".

## Who the bots are

about-image-square = Pictures from words: square, for anything.
about-image-tall = Pictures from words: upright, for people and posters.
about-image-wide = Pictures from words: wide, for landscapes and screens.
about-video-square = Short films from words: square.
about-video-tall = Short films from words: upright, for phones.
about-video-wide = Short films from words: wide.

start-image = Hello! I am { $name }. Write what you want to see, in your own words, and I draw it. Send a photo with a caption and I start from that. 
    You have { $balance } today; a standard picture costs 1 token.
start-video = Hello! I am { $name }. Write what should happen, in your own words, and I film it.
    You have { $balance } today.
start-try = Try: { $example }
example-image = a lighthouse in a storm, at dusk
example-video = waves rolling under a rising moon
help =
    Write a prompt, and I make it. In groups: /{ $command } and your prompt, or mention me.
    Reply to any result with new words to make it anew.

    /{ $command } your words
    /settings how many, which model, which shape
    /jobs what is under way, and what to cancel
    /balance what you have, and when there is more
    /receipts every token, line by line
    /plans more tokens a day
    /link one balance on Telegram, Discord and the site
    /language how I talk to you

## Commands, as they are listed

command-imagine = Make a picture from words
command-video = Make a short film from words
command-settings = How many, which model, which shape
command-jobs = What is under way
command-balance = What you have, and when there is more
command-receipts = Every token, line by line
command-plans = More tokens a day
command-link = One balance everywhere
command-language = How I talk to you
command-help = What I can do

## A job on its way

status-waiting = { $position ->
    [0] Next in line{ $wait ->
        [none] .
       *[other] { " " }· done in { $wait }.
    }
   *[other] In line: { $position } ahead of you{ $wait ->
        [none] .
       *[other] { " " }· done in { $wait }.
    }
}
status-accepted = Taken. { $wait ->
    [none] It starts soon.
   *[other] Done in { $wait }.
}
status-retrying = That try did not work, so it is tried again. It costs nothing more.
status-loading = Loading { $model }…
status-running = Making it: { $percent } %
status-storing = Almost there…
status-held = { $cost } set aside until it is done.

## How a job ended

result-caption = { $model } · { $size }{ $seed ->
    [none] { "" }
   *[other] { " " }· seed { $seed }
}
result-cost = { $cost } · { $job }
result-nowhere = It is too large for this chat ({ $size }). It is kept on your account on the website.
result-gone = The file is not kept any more. “Again” makes it anew.

ended-failed = It did not work: { $reason }
ended-cancelled = Cancelled.
ended-expired = It could not be made in time, so it was given up.
ended-refused = It was not made: { $reason }
ended-refund = Nothing was charged: { $cost } is yours again. { $job }
ended-next = “Again” tries once more.

failure-outOfMemory = the graphics card ran out of memory. A smaller size may fit.
failure-modelMissing = the model is not there any more.
failure-modelLoadFailed = the model could not be loaded.
failure-engineCrashed = the engine stopped while it worked on it.
failure-engineUnreachable = the engine could not be reached.
failure-engineError = the engine reported an error.
failure-timedOut = it took longer than it may take.
failure-outputInvalid = the result was damaged.
failure-outputMissing = the result did not arrive.
failure-workerCrashed = the worker stopped while it worked on it.
failure-invalidInput = the file or the settings cannot be worked with.
failure-unsupported = the engine does not do this.
failure-contentRefused = it is against the rules of this bot.
failure-poisoned = it took down two workers, so it will not be tried again.
failure-deadlineExceeded = it did not finish in time.

## Buttons

button-cancel = ✕ Cancel
button-again = ↻ Again
button-vary = ≈ Vary
button-upscale = ⤢ Upscale
button-edit = ✎ Edit prompt
button-seed = ⚘ Use seed
button-file = ⇩ As file
button-back = ‹ Back

pressed-cancelled = Cancelled. Your tokens are back.
pressed-too-late = It has ended already.
pressed-not-yours = Only who asked for it can do that.
pressed-unknown = I do not know this button any more. Write your prompt anew.
pressed-taken = Taken.
pressed-file = Here it comes, as it was made.
edit-ask = Reply to this message with the new words for { $job }. The words so far:
seed-used = Seed { $seed } is used for your next prompts. /settings forgets it.
upscale-none = There is no model that enlarges here, at present.

## Refusals

refused-insufficient_tokens = That costs { $needed }, and you have { $balance }. The next { $grant } come { $resets }. 
    Nothing was charged. /plans has more for every day.
refused-cheaper = For { $cost } it can be made { $how }.
how-count = once instead of { $count } times
how-size = as { $size }
how-model = with { $model }
how-less = with less
refused-queue_full = So many are waiting that there is no room just now. Try again in { $wait }. Nothing was charged.
refused-too_many_jobs = You have as many under way as one person may. Wait for one to end, or cancel one with /jobs.
refused-suspended = Your account is suspended, so nothing can be made. Nothing was charged. Ask who runs this bot.
refused-refused_content = That cannot be made here: it is against the rules of this bot. Nothing was charged.
refused-impossible = Nothing here can make that: { $reason }
refused-model_not_allowed = That model is not in your plan. /plans says which is; /settings chooses another.
refused-rate_limited = That was a lot at once. Try again in { $wait }.
refused-other = That did not work: { $reason } Nothing was charged.
refused-empty = Write what you want to see: /{ $command } { $example }
refused-too-long = That is longer than I can read ({ $max } characters at most). Nothing was charged.
refused-file-large = That file is larger than I may fetch ({ $max } MB at most). Send a smaller one.
refused-no-image-model = No model here starts from a photo, at present. Send the words alone, and I draw those.
refused-hears-not = I do not listen to voice notes. Write it, please.
refused-hears-now = Nobody here can listen at present. Write it, please.
refused-kind = I can work with words, photos and voice notes. Send one of those.

heard = I heard: “{ $text }”
heard-nothing = I heard no words in that. Nothing was charged beyond listening: { $cost }.

## Account

balance-title = You have { $balance }.
balance-day = Of today's { $grant }: { $allowance } left. The next come { $resets }.
balance-topup = Bought, and never expiring: { $topup }.
balance-held = Set aside for what is under way: { $held }.
balance-plan = Plan: { $plan }. /plans
plan-free = Free
plan-starter = Starter
plan-pro = Pro
plans =
    Free: 20 tokens a day, as there is room.
    Starter, $5 a month: 120 tokens a day, before Free.
    Pro, $12 a month: 300 tokens a day, before everybody.
    1 token is one 1024×1024 picture. The day begins at 00:00 UTC.
plans-yours = Yours: { $plan }.
receipts-none = Nothing yet: you have not spent a token.
receipts-title = The latest, newest first:
receipt-line = { $at } · { $change } · { $reason }
jobs-none = Nothing is under way. Write a prompt to begin.
jobs-title = Under way:
jobs-line = { $prompt } · { $state } · { $job }
state-queued = in line
state-running = being made
link-how =
    One balance on Telegram, Discord and the site. Your code is { $code }, good until { $until }.
    Write it where your other account is: /link { $code } to a bot there, or on your account's page on the site.
link-done = Linked. Here and there you have one balance now: { $balance }.
link-unavailable = Linking is not switched on here.
link-wrong = That code is not good (any more). /link makes a new one.
settings-title = What your next prompts are made with:
setting-model = Model: { $value }
setting-count = How many: { $value }
setting-shape = Shape: { $value }
setting-style = Style: { $value }
setting-seed = Seed: { $value }
setting-auto = the readiest
setting-none = any
setting-forget-seed = Forget the seed
shape-default = as I usually do
shape-square = square
shape-tall = upright
shape-wide = wide
language-title = How shall I talk to you?
language-auto = As my app does
language-set = I talk to you like this from now on.
unit-tokens = { $n ->
    [one] { $shown } token
   *[other] { $shown } tokens
}
time-at = at { $time } UTC, in { $wait }
wait-between = { $min } to { $max }
wait-about = about { $max }

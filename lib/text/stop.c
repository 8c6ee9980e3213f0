/* Built-in lists of stop words, and lists in files. The words are function words in the grammars'
 * sense (articles, pronouns, prepositions, auxiliaries, particles); negations are left out of both
 * lists on purpose, because opinions turn on them. */
#include "text/stop.h"

#include "base/mem.h"
#include "base/str.h"
#include "text/lines.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char english[] =
    "a about above after again all am an and any are as at be because been before being below "
    "between both but by can could did do does doing down during each few for from further had has "
    "have having he her here hers herself him himself his how i if in into is it it's its itself "
    "just me more most my myself now of off on once only or other our ours ourselves out over own "
    "same she should so some such than that that's the their theirs them themselves then there "
    "these they this those through to too under until up very was we were what when where which "
    "while who whom why will with would you your yours yourself yourselves i'm you're he's she's "
    "we're they're i've you've we've they've i'd you'd he'd she'd we'd they'd i'll you'll he'll "
    "she'll we'll they'll";

static const char chinese[] =
    "的 了 和 是 在 我 你 他 她 它 们 我们 你们 他们 她们 它们 咱们 咱們 我們 你們 他們 她們 它們 "
    "這 那 这 這個 这个 那個 那个 這些 这些 那些 這裡 这里 那裡 那里 也 就 都 而 及 與 与 或 "
    "一個 一个 著 着 把 被 讓 让 給 给 從 从 向 到 對 对 對於 对于 關於 关于 以 為 为 因為 因为 "
    "所以 如果 雖然 虽然 但是 但 並 并 並且 并且 而且 其 之 於 于 由 將 将 會 会 能 可以 要 "
    "有 又 再 還 还 吧 嗎 吗 呢 啊 呀 哦 嘛 啦 等 個 个 上 下 中 裡 里 時 时 後 后 前 什麼 什么 "
    "怎麼 怎么 誰 谁 哪 哪裡 哪里 這樣 这样 那樣 那样 自己 地 得";

static gru_status add(char ***words, size_t *count, size_t *cap, const char *word, size_t len,
                      gru_error *err) {
    gru_status status = gru_mem_grow(words, cap, *count + 1, sizeof **words, err);
    if (status)
        return status;
    char *copy = gru_str_copy(word, len);
    if (!copy)
        return gru_error_memory(err, len);
    (*words)[(*count)++] = copy;
    return GRU_OK;
}

static gru_status load_list(const char *list, char ***words, size_t *count, gru_error *err) {
    size_t cap = 0;
    gru_status status = GRU_OK;
    while (!status && *list) {
        size_t len = strcspn(list, " ");
        status = add(words, count, &cap, list, len, err);
        list += len + strspn(list + len, " ");
    }
    return status;
}

static gru_status load_file(const char *path, char ***words, size_t *count, gru_error *err) {
    gru_input *in;
    gru_lines *lines = NULL;
    const char *text;
    size_t len, cap = 0;
    gru_status status = gru_input_open(&in, path, err);
    if (status)
        return status;
    status = gru_lines_open(&lines, in, false, err);
    while (!status && !(status = gru_lines_next(lines, &text, &len, err)) && text) {
        const char *comment = memchr(text, '#', len);
        if (comment)
            len = (size_t)(comment - text);
        while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
            len--;
        if (len)
            status = add(words, count, &cap, text, len, err);
    }
    gru_lines_close(lines);
    gru_input_close(in);
    return status;
}

gru_status gru_stop_load(const char *source, char ***words, size_t *count, gru_error *err) {
    struct stat info;
    gru_status status;
    *words = NULL;
    *count = 0;
    if (stat(source, &info) == 0)
        status = load_file(source, words, count, err);
    else if (strcmp(source, "en") == 0 || strcmp(source, "english") == 0)
        status = load_list(english, words, count, err);
    else if (strcmp(source, "zh") == 0 || strcmp(source, "chinese") == 0)
        status = load_list(chinese, words, count, err);
    else
        status =
            gru_error_set(err, GRU_ERR_USAGE,
                          "stop words '%s': neither a file nor a built-in list (en, zh)", source);
    if (status) {
        gru_stop_free(*words, *count);
        *words = NULL;
        *count = 0;
    }
    return status;
}

void gru_stop_free(char **words, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(words[i]);
    free(words);
}

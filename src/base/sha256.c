/* sha256.c - SHA-256 over OpenSSL's libcrypto.
 *
 * Once a digest context is set up, none of the calls used here has a way to
 * fail; only anm_sha256_new() does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include <assert.h>
#include <openssl/evp.h>

#include "base/alloc.h"

struct anm_sha256 {
    EVP_MD_CTX *ctx;
};

static void expect(int ok)
{
    assert(ok == 1);
    (void)ok;
}

anm_sha256 *anm_sha256_new(void)
{
    anm_sha256 *h = anm_alloc_zero(sizeof(*h));

    if (!h) return NULL;
    h->ctx = EVP_MD_CTX_new();
    if (h->ctx && EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) == 1) return h;
    anm_sha256_free(h);
    return NULL;
}

void anm_sha256_free(anm_sha256 *h)
{
    if (!h) return;
    EVP_MD_CTX_free(h->ctx);
    anm_free(h);
}

void anm_sha256_reset(anm_sha256 *h)
{
    // With neither type nor engine the context starts over in its own memory.
    expect(EVP_DigestInit_ex(h->ctx, NULL, NULL));
}

void anm_sha256_add(anm_sha256 *h, const void *data, size_t len)
{
    if (len) expect(EVP_DigestUpdate(h->ctx, data, len));
}

void anm_sha256_add_u64(anm_sha256 *h, uint64_t value)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    anm_sha256_add(h, bytes, sizeof(bytes));
}

void anm_sha256_add_string(anm_sha256 *h, const char *s)
{
    const size_t len = strlen(s);
    anm_sha256_add_u64(h, len);
    anm_sha256_add(h, s, len);
}

void anm_sha256_read(anm_sha256 *h, uint8_t out[ANM_SHA256_BYTES])
{
    expect(EVP_DigestFinal_ex(h->ctx, out, NULL));
}

void anm_sha256_hex(const uint8_t digest[ANM_SHA256_BYTES],
                    char out[ANM_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < ANM_SHA256_BYTES; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * ANM_SHA256_BYTES] = '\0';
}

<?php
// php lock.php COMMAND...: runs a command while it has deploy/prod, for at most the ttl: nothing renews it here.
// Needs the extension xmlrpc (Debian: php-xmlrpc).
$url = getenv('LOCKD_URL') ?: 'http://127.0.0.1:7420';
$client = 'php@' . gethostname() . ':' . getmypid();

function call(string $url, string $method, ...$parameters)
{
    $body = xmlrpc_encode_request($method, $parameters, ['encoding' => 'utf-8']);
    $request = ['method' => 'POST', 'header' => 'Content-Type: text/xml', 'content' => $body, 'timeout' => 30];
    $answer = file_get_contents($url, false, stream_context_create(['http' => $request]));
    $value = $answer === false ? null : xmlrpc_decode($answer, 'utf-8');
    if ($value === null || (is_array($value) && xmlrpc_is_fault($value))) {
        fwrite(STDERR, ($value['faultString'] ?? "No lockd answers at $url") . "\n");
        exit(1);
    }
    return $value;
}

// With a retry key the same call may be sent again after a lost answer.
$options = ['ttl' => 600, 'wait' => 10, 'request' => bin2hex(random_bytes(8))];
$hold = call($url, 'lock', 'deploy/prod', $client, $options);
putenv('LOCKD_TOKEN=' . $hold['token']);
passthru(implode(' ', array_map('escapeshellarg', array_slice($argv, 1))), $status);
call($url, 'unlock', 'deploy/prod', $client, ['token' => $hold['token']]);
exit($status);

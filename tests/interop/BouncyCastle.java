import java.io.ByteArrayOutputStream;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import javax.mail.Session;
import javax.mail.internet.MimeBodyPart;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.Recipient;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyAgreeEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyAgreeRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.mail.smime.SMIMEEnveloped;
import org.bouncycastle.mail.smime.SMIMEEnvelopedGenerator;
import org.bouncycastle.mail.smime.SMIMESigned;
import org.bouncycastle.mail.smime.SMIMESignedGenerator;
import org.bouncycastle.mail.smime.SMIMEUtil;
import org.bouncycastle.operator.OutputEncryptor;

/**
 * BouncyCastle as a peer: one request a line on standard input, one answer a line ("ok", or "no" and why).
 *
 *   read P12 ROOT MAIL OUT          decrypt, verify up to ROOT, write what was signed
 *   write P12 GATEWAY-CERT ENTITY HEAD OUT    sign with the key in P12, encrypt to the certificate, write a mail
 *
 * Words are separated by tabs; the PKCS#12 password is "x".
 */
public class BouncyCastle {
	private static final String BC = "BC";
	private static final char[] PASSWORD = "x".toCharArray();
	private static final Session SESSION = Session.getInstance(new Properties());

	private static X509Certificate certificate(String path) throws Exception {
		try (InputStream in = new FileInputStream(path)) {
			return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
		}
	}

	private static final class Identity {
		final PrivateKey key;
		final List<X509Certificate> chain = new ArrayList<>();

		Identity(String p12) throws Exception {
			KeyStore store = KeyStore.getInstance("PKCS12");

			try (InputStream in = new FileInputStream(p12)) {
				store.load(in, PASSWORD);
			}
			String found = null;
			for (String alias : Collections.list(store.aliases()))
				if (store.isKeyEntry(alias))
					found = alias;
			key = (PrivateKey) store.getKey(found, PASSWORD);
			for (java.security.cert.Certificate c : store.getCertificateChain(found))
				chain.add((X509Certificate) c);
		}
	}

	private static Recipient recipient(PrivateKey key, boolean auth) {
		if (auth && key.getAlgorithm().equals("EC"))
			throw new UnsupportedOperationException("this version has no recipient for ECDH and GCM");
		if (auth)
			return new JceKeyTransAuthEnvelopedRecipient(key).setProvider(BC);
		if (key.getAlgorithm().equals("EC"))
			return new JceKeyAgreeEnvelopedRecipient(key).setProvider(BC);
		return new JceKeyTransEnvelopedRecipient(key).setProvider(BC);
	}

	private static byte[] decrypt(MimeMessage mail, Identity me) throws Exception {
		boolean auth = mail.getContentType().contains("authEnveloped");
		Iterable<RecipientInformation> all;

		if (auth)
			all = new CMSAuthEnvelopedData(mail.getInputStream().readAllBytes()).getRecipientInfos();
		else
			all = new SMIMEEnveloped(mail).getRecipientInfos();
		return all.iterator().next().getContent(recipient(me.key, auth));
	}

	private static void checkPath(SMIMESigned signed, X509Certificate signer, String root) throws Exception {
		CertificateFactory factory = CertificateFactory.getInstance("X.509");
		List<X509Certificate> chain = new ArrayList<>(List.of(signer));
		X509Certificate last = signer;

		for (boolean more = true; more;) {
			more = false;
			for (X509CertificateHolder h : signed.getCertificates().getMatches(null)) {
				X509Certificate c = new JcaX509CertificateConverter().getCertificate(h);

				if (c.getSubjectX500Principal().equals(last.getIssuerX500Principal()) && !chain.contains(c)) {
					chain.add(c);
					last = c;
					more = true;
				}
			}
		}
		CertPath path = factory.generateCertPath(chain);
		PKIXParameters parameters = new PKIXParameters(
		    Collections.singleton(new TrustAnchor(certificate(root), null)));
		parameters.setRevocationEnabled(false);
		CertPathValidator.getInstance("PKIX").validate(path, parameters);
	}

	private static void read(String p12, String root, String file, String out) throws Exception {
		MimeMessage mail = new MimeMessage(SESSION, new FileInputStream(file));
		MimeBodyPart part = SMIMEUtil.toMimeBodyPart(decrypt(mail, new Identity(p12)));
		SMIMESigned signed = new SMIMESigned((MimeMultipart) part.getContent());
		SignerInformation info = signed.getSignerInfos().getSigners().iterator().next();
		@SuppressWarnings("unchecked")
		X509CertificateHolder holder =
		    (X509CertificateHolder) signed.getCertificates().getMatches(info.getSID()).iterator().next();
		X509Certificate signer = new JcaX509CertificateConverter().getCertificate(holder);

		if (!info.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC).build(signer)))
			throw new Exception("the signature is not valid");
		checkPath(signed, signer, root);
		ByteArrayOutputStream bytes = new ByteArrayOutputStream();
		signed.getContent().writeTo(bytes);
		Files.write(Path.of(out), bytes.toByteArray());
	}

	private static void write(String p12, String gateway, String entity, String head, String out) throws Exception {
		Identity me = new Identity(p12);
		X509Certificate to = certificate(gateway);
		SMIMESignedGenerator signer = new SMIMESignedGenerator();
		SMIMEEnvelopedGenerator envelope = new SMIMEEnvelopedGenerator();
		MimeBodyPart plain = SMIMEUtil.toMimeBodyPart(Files.readAllBytes(Path.of(entity)));
		String algorithm = me.key.getAlgorithm().equals("EC") ? "SHA256withECDSA" : "SHA256withRSA";
		OutputEncryptor cipher = new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_CBC).setProvider(BC).build();

		signer.addSignerInfoGenerator(new JcaSimpleSignerInfoGeneratorBuilder().setProvider(BC).build(
		    algorithm, me.key, me.chain.get(0)));
		signer.addCertificates(new JcaCertStore(me.chain));
		MimeBodyPart signed = new MimeBodyPart();
		signed.setContent(signer.generate(plain));
		if (to.getPublicKey().getAlgorithm().equals("EC")) {
			KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", BC);

			pairs.initialize(new ECGenParameterSpec("P-256"));
			KeyPair pair = pairs.generateKeyPair();
			envelope.addRecipientInfoGenerator(new JceKeyAgreeRecipientInfoGenerator(
			    CMSAlgorithm.ECDH_SHA256KDF, pair.getPrivate(), pair.getPublic(), CMSAlgorithm.AES256_WRAP)
			    .addRecipient(to).setProvider(BC));
		} else {
			envelope.addRecipientInfoGenerator(new JceKeyTransRecipientInfoGenerator(to).setProvider(BC));
		}
		MimeBodyPart sealed = envelope.generate(signed, cipher);
		ByteArrayOutputStream bytes = new ByteArrayOutputStream();
		bytes.write(Files.readAllBytes(Path.of(head)));
		sealed.writeTo(bytes);
		Files.write(Path.of(out), bytes.toByteArray());
	}

	public static void main(String[] none) throws Exception {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

		Security.addProvider(new BouncyCastleProvider());
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			String[] w = line.split("\t");

			try {
				if (w[0].equals("read"))
					read(w[1], w[2], w[3], w[4]);
				else
					write(w[1], w[2], w[3], w[4], w[5]);
				System.out.println("ok");
			} catch (Exception e) {
				System.out.println("no " + e.toString().replace('\n', ' '));
			}
			System.out.flush();
		}
	}
}
